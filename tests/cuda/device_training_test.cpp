// Whole training runs on the CUDA backend: the losses of the CPU, and the same bits every time.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "autograd/ops/cross_entropy.h"
#include "layers/init.h"
#include "layers/step_scope.h"
#include "models/registry.h"
#include "optim/adam.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/random.h"
#include "tests/cuda/device.h"

namespace pixelgrad {
namespace {

/// What is trained. The emulator runs a thousand times slower than a GPU.
struct Run {
  std::string model;
  OptionMap options;
  int64_t size, batch, steps;
};

const std::vector<Run>& runs() {
#ifdef PIXELGRAD_CUDA_EMULATED
  static const std::vector<Run> all = {
      {"unet", {{"width", "4"}, {"depth", "2"}, {"dropout", "0.1"}}, 24, 2, 4},
      {"deeplabv3-resnet18", {{"width", "4"}, {"channels", "8"}}, 33, 2, 2},
  };
#else
  static const std::vector<Run> all = {
      {"unet", {{"width", "32"}, {"dropout", "0.1"}}, 128, 4, 50},
      {"deeplabv3-resnet50", {}, 129, 4, 50},
  };
#endif
  return all;
}

constexpr int64_t classes = 3;

/// Noise whose brightness says the class, in stripes.
struct Example {
  Tensor images, labels;
  explicit Example(const Run& run)
      : images(Tensor::empty({run.batch, run.size, run.size, 3}, Dtype::f32)),
        labels(Tensor::empty({run.batch, run.size, run.size}, Dtype::i32)) {
    fill_normal(images, {.seed = 5}, 0, 1);
    float* x = images.mutable_data<float>();
    int32_t* y = labels.mutable_data<int32_t>();
    for (int64_t i = 0; i < labels.numel(); ++i) {
      y[i] = static_cast<int32_t>(i % run.size * classes / run.size);
      for (int64_t c = 0; c < 3; ++c) x[3 * i + c] += static_cast<float>(y[i]);
    }
  }
};

struct Trained {
  std::vector<double> losses;
  std::vector<float> parameters;
};

Trained train(const Run& run, Device device) {
  const Example example(run);
  const Tensor images = example.images.to(device), labels = example.labels.to(device);
  std::unique_ptr<SegmentationModel> model;
  {
    const InitScope init(3);
    model = make_model({.name = run.model, .classes = classes, .options = run.options});
  }
  model->to(device);
  AdamW optimizer(model->parameters());
  Trained out;
  for (int64_t step = 0; step < run.steps; ++step) {
    const StepScope scope(9, static_cast<uint64_t>(step));
    const Tensor loss = cross_entropy(model->forward(images).logits, labels);
    backward(loss);
    optimizer.step(1e-3, model->gradients());
    model->clear_gradients();
    out.losses.push_back(loss.item());
  }
  for (const NamedTensor& t : model->state())
    if (t.tensor.dtype() == Dtype::f32) {
      const Tensor host = t.tensor.to(Device::cpu);
      const auto values = host.span<float>();
      out.parameters.insert(out.parameters.end(), values.begin(), values.end());
    }
  return out;
}

class DeviceTraining : public testing::TestWithParam<Run> {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
  }
};

TEST_P(DeviceTraining, HasTheLossesOfTheCpu) {
  const std::vector<double> right = train(GetParam(), Device::cpu).losses;
  const std::vector<double> got = train(GetParam(), Device::cuda).losses;
  for (size_t i = 0; i < right.size(); ++i)
    EXPECT_NEAR(got[i], right[i], 1e-3 * right[i]) << "step " << i;
  EXPECT_LT(right.back(), right.front());
}

// Activations are rounded by 2^-9, and now and then in another direction, for sums differ in their
// last bits.
TEST_P(DeviceTraining, HasTheLossesOfTheCpuInBf16) {
  kernels::set_precision(kernels::Precision::bf16);
  const std::vector<double> right = train(GetParam(), Device::cpu).losses;
  const std::vector<double> got = train(GetParam(), Device::cuda).losses;
  kernels::set_precision(kernels::Precision::f32);
  for (size_t i = 0; i < right.size(); ++i)
    EXPECT_NEAR(got[i], right[i], 0.02 * right[0]) << "step " << i;
  EXPECT_LT(got.back(), got.front());
}

TEST_P(DeviceTraining, GivesTheSameBitsEveryTime) {
  const Trained first = train(GetParam(), Device::cuda);
  ASSERT_GT(first.parameters.size(), 100u);
  run_again([&] {
    const Trained second = train(GetParam(), Device::cuda);
    ASSERT_EQ(first.parameters.size(), second.parameters.size());
    EXPECT_EQ(std::memcmp(first.parameters.data(), second.parameters.data(),
                          first.parameters.size() * sizeof(float)),
              0);
  });
}

INSTANTIATE_TEST_SUITE_P(Models, DeviceTraining, testing::ValuesIn(runs()), [](const auto& info) {
  return info.param.model == "unet" ? std::string("unet") : std::string("deeplabv3");
});

}  // namespace
}  // namespace pixelgrad
