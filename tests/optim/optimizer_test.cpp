#include "optim/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "optim/adam.h"
#include "optim/sgd.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pointwise;

std::vector<std::string> names_of(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> out;
  for (const NamedTensor& t : tensors) out.push_back(t.name);
  return out;
}

TEST(Optimizer, LeavesAParameterWithoutGradientAlone) {
  Tensor a = Tensor::from<double>({1}, {1}), b = Tensor::from<double>({1}, {1});
  Adam adam({{"a", a}, {"b", b}}, {.weight_decay = 0.5});
  const Tensor g = Tensor::from<double>({1}, {2});
  adam.step(0.1, std::vector{g, Tensor()});
  EXPECT_EQ(b.item(), 1);
  EXPECT_THAT(names_of(adam.state()), ElementsAre("a.step", "a.exp_avg", "a.exp_avg_sq"));

  // b's own first step is bias-corrected as a first step: lr * sign(g).
  adam.step(0.1, std::vector{g, Tensor::from<double>({1}, {3})});
  EXPECT_NEAR(b.item(), 0.9, 1e-8);
}

TEST(Optimizer, ScalesLearningRateAndDecayOfChosenParameters) {
  Tensor weight = Tensor::from<double>({1, 1}, {1}), bias = Tensor::from<double>({1}, {1});
  Sgd sgd({{"head.weight", weight}, {"head.bias", bias}}, {.weight_decay = 0.5});
  EXPECT_EQ(sgd.scale([](const NamedTensor& p) { return p.name.starts_with("body."); }, {.lr = 7}),
            0u);
  EXPECT_EQ(sgd.scale([](const NamedTensor& p) { return p.tensor.dims() == 1; },
                      {.lr = 10, .weight_decay = 0}),
            1u);
  sgd.step(0.1,
           std::vector{Tensor::zeros({1, 1}, Dtype::f64), Tensor::full({1}, 0.25, Dtype::f64)});
  EXPECT_NEAR(weight.item(), 1 - 0.1 * 0.5, 1e-15);
  EXPECT_NEAR(bias.item(), 1 - 0.1 * 10 * 0.25, 1e-15);
}

/// Parameters whose sizes lie around those of vectors and tiles, with gradients.
struct ManySizes {
  std::vector<NamedTensor> params;
  std::vector<Tensor> gradients;

  explicit ManySizes(Dtype dtype) {
    for (const int64_t n : {1, 0, 3, 17, 32767, 1, 70000, 64, 5}) {
      const std::string name = "p" + std::to_string(params.size());
      Tensor p = Tensor::empty({n}, dtype), g = Tensor::empty({n}, dtype);
      fill_normal(p, {.seed = 1, .stream = stream_of(name)}, 0, 1);
      fill_normal(g, {.seed = 2, .stream = stream_of(name)}, 0, 1);
      params.push_back({name, p});
      gradients.push_back(g);
    }
  }
};

// Many parameters in one call against each alone, element by element in plain arithmetic.
TEST(Optimizer, UpdatesEveryElementOfEveryParameterOnce) {
  ManySizes net(Dtype::f64);
  std::vector<std::vector<double>> before;
  for (const NamedTensor& p : net.params) before.push_back(p.tensor.to_doubles());
  Sgd sgd(net.params, {.momentum = 0.5});
  sgd.step(0.1, net.gradients);
  sgd.step(0.1, net.gradients);
  for (size_t k = 0; k < before.size(); ++k) {
    const std::vector<double> g = net.gradients[k].to_doubles(),
                              after = net.params[k].tensor.to_doubles();
    for (size_t i = 0; i < g.size(); ++i)
      ASSERT_NEAR(after[i], before[k][i] - 0.1 * g[i] - 0.1 * 1.5 * g[i], 1e-14)
          << "p" << k << " at " << i;
  }
}

TEST(Optimizer, SameBitsForAnyNumberOfThreads) {
  const auto run = [](int threads) {
    set_num_threads(threads);
    ManySizes net(Dtype::f32);
    AdamW adam(net.params);
    for (int i = 0; i < 3; ++i) adam.step(0.01, net.gradients);
    std::vector<std::vector<double>> out;
    for (const NamedTensor& p : net.params) out.push_back(p.tensor.to_doubles());
    return out;
  };
  const int threads = num_threads();
  const auto one = run(1), three = run(3);
  set_num_threads(threads);
  EXPECT_EQ(one, three);
}

// Five steps move a parameter by at most 0.05. Where gradient and decay cancel, Adam divides the
// rounding of their sum by the sum itself, so among 70,000 values a few are off by more than an
// ulp.
TEST(Optimizer, F32FollowsF64) {
  ManySizes narrow(Dtype::f32), wide(Dtype::f64);
  Adam a(narrow.params, {.weight_decay = 0.01}), b(wide.params, {.weight_decay = 0.01});
  for (int i = 0; i < 5; ++i) {
    a.step(0.01, narrow.gradients);
    b.step(0.01, wide.gradients);
  }
  for (size_t k = 0; k < wide.params.size(); ++k)
    EXPECT_THAT(narrow.params[k].tensor.to_doubles(),
                Pointwise(DoubleNear(1e-5), wide.params[k].tensor.to_doubles()));
}

template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(Optimizer, NamesAGradientThatDoesNotFit) {
  Tensor p = Tensor::zeros({2}, Dtype::f32);
  Sgd sgd({{"conv.weight", p}});
  EXPECT_EQ(message_of<Error>([&] { sgd.step(1, std::vector{Tensor::zeros({3}, Dtype::f32)}); }),
            "[sgd] gradient of 'conv.weight' is [3] of f32 on cpu, expected [2] of f32 on cpu");
  EXPECT_THAT(message_of<Error>([&] { sgd.step(1, std::vector{Tensor::zeros({2}, Dtype::f64)}); }),
              HasSubstr("is [2] of f64 on cpu, expected [2] of f32"));
  EXPECT_EQ(message_of<Error>([&] { sgd.step(1, {}); }), "[sgd] got 0 gradients for 1 parameters");
}

TEST(Optimizer, RefusesBadOptions) {
  EXPECT_EQ(message_of<UsageError>([] { Sgd({}, {.momentum = 1}); }),
            "[sgd] momentum is 1, expected 0 <= momentum < 1");
  EXPECT_THAT(message_of<UsageError>([] { Sgd({}, {.nesterov = true}); }),
              HasSubstr("expected momentum > 0"));
  EXPECT_THAT(message_of<UsageError>([] { Adam({}, {.beta2 = -0.1}); }),
              HasSubstr("[adam] beta2 is -0.1"));
  EXPECT_THAT(message_of<UsageError>([] { AdamW({}, {.eps = -1}); }), HasSubstr("[adamw] eps"));
  const Tensor labels = Tensor::zeros({1}, Dtype::i32);
  EXPECT_THAT(message_of<Error>([&] {
                Sgd({{"labels", labels}});
              }),
              HasSubstr("'labels' is of i32"));
  const Tensor p = Tensor::zeros({1}, Dtype::f32);
  EXPECT_THAT(message_of<Error>([&] {
                Sgd({{"p", p}, {"p", p}});
              }),
              HasSubstr("two parameters are called 'p'"));
}

class OptimizerState : public testing::Test {
 protected:
  OptimizerState() {
    sgd_.step(0.1, std::vector{Tensor::full({2}, 3, Dtype::f64)});
    state_ = sgd_.state();
  }
  std::string refusal(const std::vector<NamedTensor>& state) {
    return message_of<CheckpointError>([&] { sgd_.load_state(state); });
  }
  Tensor p_ = Tensor::zeros({2}, Dtype::f64);
  Sgd sgd_{{{"p", p_}}, {.momentum = 0.9}};
  std::vector<NamedTensor> state_;
};

TEST_F(OptimizerState, HoldsStepsAndMoments) {
  ASSERT_THAT(names_of(state_), ElementsAre("p.step", "p.momentum_buffer"));
  EXPECT_EQ(state_[0].tensor.dtype(), Dtype::i64);
  EXPECT_EQ(state_[0].tensor.item(), 1);
  EXPECT_THAT(state_[1].tensor.to_doubles(), ElementsAre(3, 3));
}

TEST_F(OptimizerState, IsACopy) {
  sgd_.step(0.1, std::vector{Tensor::full({2}, 3, Dtype::f64)});
  EXPECT_THAT(state_[1].tensor.to_doubles(), ElementsAre(3, 3));
}

TEST_F(OptimizerState, EmptyStateIsAFreshStart) {
  sgd_.load_state({});
  EXPECT_THAT(sgd_.state(), IsEmpty());
}

TEST_F(OptimizerState, RefusesWhatDoesNotFitAndStaysAsItWas) {
  EXPECT_EQ(refusal({state_[0]}), "[sgd] state lacks 'p.momentum_buffer'");
  EXPECT_THAT(refusal({state_[1]}), HasSubstr("'p.momentum_buffer', which belongs to no"));
  EXPECT_THAT(refusal({state_[0], state_[1], {"q.step", state_[0].tensor}}), HasSubstr("'q.step'"));
  EXPECT_THAT(refusal({state_[0], state_[0], state_[1]}), HasSubstr("'p.step' twice"));
  EXPECT_EQ(refusal({state_[0], {"p.momentum_buffer", Tensor::zeros({3}, Dtype::f64)}}),
            "[sgd] state 'p.momentum_buffer' is [3] of f64, expected [2] of f64");
  EXPECT_THAT(refusal({state_[0], {"p.momentum_buffer", Tensor::zeros({2}, Dtype::f32)}}),
              HasSubstr("is [2] of f32"));
  EXPECT_THAT(refusal({{"p.step", Tensor::scalar(1, Dtype::f32)}, state_[1]}),
              HasSubstr("expected one i64"));
  EXPECT_THAT(refusal({{"p.step", Tensor::scalar(0, Dtype::i64)}, state_[1]}),
              HasSubstr("at least 1"));
  EXPECT_THAT(sgd_.state()[1].tensor.to_doubles(), ElementsAre(3, 3));
}

}  // namespace
}  // namespace pixelgrad
