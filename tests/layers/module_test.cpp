#include "layers/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layers/activation.h"
#include "layers/conv_bn_act.h"
#include "layers/dropout.h"
#include "layers/sequential.h"

namespace pixelgrad {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

/// A small network with a child of each kind.
class Net : public Module {
 public:
  Net()
      : stem(add<ConvBnAct>("stem", {.in_channels = 3, .out_channels = 4, .padding = 1})),
        head(add<Sequential>("head")),
        scale(param("scale", Tensor::full({4}, 1, Dtype::f32))) {
    head.append<Dropout>({.p = 0.5});
    head.append<Conv2d>({.in_channels = 4, .out_channels = 2, .kernel_size = 1});
  }
  ConvBnAct& stem;
  Sequential& head;
  Tensor scale;
};

std::vector<std::string> names_of(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> out;
  for (const NamedTensor& t : tensors) out.push_back(t.name);
  return out;
}

TEST(Module, NamesParametersAndBuffersByPath) {
  const Net net;
  EXPECT_THAT(names_of(net.parameters()),
              ElementsAre("scale", "stem.0.weight", "stem.1.weight", "stem.1.bias", "head.1.weight",
                          "head.1.bias"));
  EXPECT_THAT(names_of(net.buffers()), ElementsAre("stem.1.running_mean", "stem.1.running_var",
                                                   "stem.1.num_batches_tracked"));
  EXPECT_EQ(net.state().size(), 9u);
  EXPECT_EQ(net.parameter_count(), 4 + 4 * 27 + 8 + 2 * 4 + 2);
}

TEST(Module, KnowsItsPathAndThoseBelow) {
  const Net net;
  EXPECT_EQ(net.path(), "");
  EXPECT_EQ(net.head.path(), "head");
  std::vector<std::string> seen;
  net.visit([&](const std::string& path, const Module& m) {
    EXPECT_EQ(m.path(), path);
    seen.push_back(path + ":" + m.describe());
  });
  EXPECT_THAT(seen, ElementsAre(":", "stem:", "stem.0:Conv2d(3 -> 4, kernel 3, padding 1, no bias)",
                                "stem.1:BatchNorm2d(4)", "head:", "head.0:Dropout(0.5)",
                                "head.1:Conv2d(4 -> 2, kernel 1)"));
}

TEST(Module, TrainAndEvalReachEveryChild) {
  Net net;
  const auto modes = [&] {
    std::vector<bool> out;
    net.visit([&](const std::string&, const Module& m) { out.push_back(m.training()); });
    return out;
  };
  EXPECT_THAT(modes(), Each(true));
  net.eval();
  EXPECT_THAT(modes(), Each(false));
  net.train();
  EXPECT_THAT(modes(), Each(true));
}

TEST(Module, ChildChosenAtRunTimeTakesPathAndMode) {
  class Holder : public Module {
   public:
    Holder() { eval(); }
    Layer& hold(std::unique_ptr<Layer> layer) { return add("layer", std::move(layer)); }
  };
  Holder holder;
  const Layer& conv = holder.hold(std::make_unique<Conv2d>(Conv2d::Options{}));
  EXPECT_EQ(conv.path(), "layer");
  EXPECT_FALSE(conv.training());
  EXPECT_THAT(names_of(holder.parameters()), ElementsAre("layer.weight", "layer.bias"));
}

// For names of PyTorch's that a block has without a prefix of its own.
TEST(Module, AChildWithoutANameAddsNothingToThePath) {
  class Host : public Module {
   public:
    Host()
        : first(add<ConvBnAct>("", {.in_channels = 3, .out_channels = 4})),
          second(add<ConvBnAct>("", {.in_channels = 4, .out_channels = 4, .position = 3})) {}
    ConvBnAct& first;
    ConvBnAct& second;
  };
  const Host host;
  EXPECT_EQ(host.second.path(), "");
  EXPECT_THAT(names_of(host.parameters()),
              ElementsAre("0.weight", "1.weight", "1.bias", "3.weight", "4.weight", "4.bias"));
  host.visit([](const std::string& path, const Module& m) { EXPECT_EQ(m.path(), path); });
}

TEST(Module, RefusesANameTwice) {
  class Twice : public Module {
   public:
    Twice() {
      add<ReLU>("act");
      param("act", Tensor::zeros({1}, Dtype::f32));
    }
  };
  try {
    const Twice twice;
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("already has 'act'"));
  }
}

TEST(Module, ToF64ConvertsInPlaceAndKeepsHandlesAndTraining) {
  Net net;
  const Tensor handle = net.scale;
  const std::vector<double> before = net.parameters()[1].tensor.to_doubles();
  net.to(Dtype::f64);
  EXPECT_EQ(handle.dtype(), Dtype::f64);
  for (const NamedTensor& p : net.parameters()) {
    EXPECT_EQ(p.tensor.dtype(), Dtype::f64) << p.name;
    EXPECT_TRUE(needs_grad(p.tensor)) << p.name;
  }
  EXPECT_EQ(net.buffers()[0].tensor.dtype(), Dtype::f64);
  EXPECT_EQ(net.buffers()[2].tensor.dtype(), Dtype::i64);
  EXPECT_EQ(net.parameters()[1].tensor.to_doubles(), before);
  EXPECT_THROW(net.to(Dtype::i32), Error);

  const Tensor y = net.stem(Tensor::full({1, 4, 4, 3}, 1, Dtype::f64));
  EXPECT_EQ(y.dtype(), Dtype::f64);
}

TEST(Module, GradientsLineUpWithParameters) {
  Net net;
  EXPECT_THAT(net.gradients(),
              Each(testing::ResultOf([](const Tensor& g) { return g.defined(); }, false)));
  const Tensor y = net.head.forward(Tensor::full({1, 2, 2, 4}, 1, Dtype::f32));
  backward(y, Tensor::full(y.shape(), 1, Dtype::f32));
  const std::vector<NamedTensor> params = net.parameters();
  const std::vector<Tensor> grads = net.gradients();
  ASSERT_EQ(grads.size(), params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    EXPECT_EQ(grads[i].defined(), params[i].name.starts_with("head.1")) << params[i].name;
    if (grads[i].defined()) {
      EXPECT_EQ(grads[i].shape(), params[i].tensor.shape());
    }
  }
  EXPECT_THAT(grads.back().to_doubles(), ElementsAre(4, 4));  // bias: one for each of 2 x 2 pixels
  net.clear_gradients();
  EXPECT_FALSE(net.gradients().back().defined());
}

}  // namespace
}  // namespace pixelgrad
