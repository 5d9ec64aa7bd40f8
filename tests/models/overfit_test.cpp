// Every family of models, narrow, learns four street scenes by heart: what forward, backward, batch
// norm's running statistics and resizing do together, seen from the outside.
#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/weighted_sum.h"
#include "data/confusion.h"
#include "data/streets.h"
#include "layers/init.h"
#include "layers/step_scope.h"
#include "models/registry.h"
#include "optim/adam.h"

namespace pixelgrad {
namespace {

struct Overfit {
  std::string model;
  OptionMap options;
  int64_t height, width;
  int64_t steps;          ///< at most
  double miou, accuracy;  ///< the goal: at least, on the same images in evaluation
};

void PrintTo(const Overfit& o, std::ostream* out) { *out << o.model; }

struct Scenes {
  Tensor images, labels;
};

Scenes four_scenes(int64_t height, int64_t width) {
  Scenes out{Tensor::empty({4, height, width, 3}, Dtype::f32),
             Tensor::empty({4, height, width}, Dtype::i32)};
  float* pixel = out.images.mutable_data<float>();
  int32_t* id = out.labels.mutable_data<int32_t>();
  for (int64_t i = 0; i < 4; ++i) {
    const StreetScene scene = render_street({.height = height, .width = width, .seed = 11}, i);
    for (const uint8_t v : scene.image.pixels) *pixel++ = (static_cast<float>(v) - 128) / 64;
    id = std::copy(scene.labels.ids.begin(), scene.labels.ids.end(), id);
  }
  return out;
}

ConfusionMatrix score(SegmentationModel& model, const Scenes& scenes) {
  const NoGrad no_grad;
  model.eval();
  const Tensor logits = model(scenes.images).logits;
  const int64_t classes = logits.shape(3);
  Tensor predicted = Tensor::empty(scenes.labels.shape(), Dtype::i32);
  const float* z = logits.data<float>();
  int32_t* id = predicted.mutable_data<int32_t>();
  for (int64_t i = 0; i < predicted.numel(); ++i, z += classes)
    id[i] = static_cast<int32_t>(std::max_element(z, z + classes) - z);
  ConfusionMatrix confusion(street_classes());
  confusion.add(predicted, scenes.labels);
  return confusion;
}

bool reaches(const ConfusionMatrix& scores, const Overfit& goal) {
  return scores.miou() >= goal.miou && scores.pixel_accuracy() >= goal.accuracy;
}

class ModelOverfit : public testing::TestWithParam<Overfit> {};

TEST_P(ModelOverfit, LearnsFourScenesByHeart) {
  const Overfit& o = GetParam();
  const Scenes scenes = four_scenes(o.height, o.width);
  const InitScope init(1);
  const auto model = make_model({.name = o.model,
                                 .classes = static_cast<int64_t>(street_classes().size()),
                                 .options = o.options});
  AdamW optimizer(model->parameters(), {.weight_decay = 0});
  const LabelLoss loss = [](const Tensor& z, const Tensor& y) { return cross_entropy(z, y); };
  for (int64_t step = 0; step < o.steps; ++step) {
    // Most reach the goal when the falling learning rate is at its half.
    if (step >= o.steps / 2 && step % 10 == 0 && reaches(score(*model, scenes), o)) break;
    model->train();
    const StepScope scope(1, static_cast<uint64_t>(step));
    const ModelOutput out = (*model)(scenes.images);
    std::vector<Weighted> heads{{1, out.logits}};
    if (out.aux) heads.push_back({out.aux_weight, out.aux});
    backward(deep_supervision(heads, scenes.labels, loss));
    const double left = 1 - static_cast<double>(step) / static_cast<double>(o.steps);
    optimizer.step(4e-3 * left, model->gradients());
    model->clear_gradients();
  }
  const ConfusionMatrix scores = score(*model, scenes);
  EXPECT_GE(scores.miou(), o.miou);
  EXPECT_GE(scores.pixel_accuracy(), o.accuracy);
}

INSTANTIATE_TEST_SUITE_P(
    All, ModelOverfit,
    testing::Values(
        Overfit{"unet", {{"width", "16"}, {"depth", "3"}}, 48, 64, 220, 0.95, 0.97},
        Overfit{"unet-resnet18",
                {{"width", "8"}, {"decoder_channels", "32,32,16,16,16"}},
                64,
                80,
                320,
                0.95,
                0.97},
        Overfit{"pspnet-keras", {{"width", "8"}}, 40, 48, 400, 0.80, 0.97},
        // These predict one pixel in 8 x 8 or 4 x 4, so that scenes must be larger.
        Overfit{"pspnet-resnet18",
                {{"width", "8"}, {"channels", "64"}, {"dropout", "0"}, {"aux_dropout", "0"}},
                225,
                289,
                400,
                0.80,
                0.97},
        Overfit{"deeplabv3-resnet18",
                {{"width", "8"},
                 {"channels", "64"},
                 {"rates", "4,8,12"},
                 {"dropout", "0"},
                 {"aux_dropout", "0"}},
                224,
                288,
                400,
                0.80,
                0.97},
        Overfit{"deeplabv3plus-resnet18",
                {{"width", "8"}, {"channels", "64"}, {"rates", "2,4,6"}, {"dropout", "0"}},
                224,
                288,
                300,
                0.80,
                0.97}),
    [](const auto& info) {
      std::string name = info.param.model;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace pixelgrad
