// What a training loop does beside the network without waiting for the device: batches go up,
// numbers come back, and the device decides about clipping and whether to go on. On the emulator
// the streams do their work at once or as late as CUDA allows, and results must not depend on it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "autograd/ops/arithmetic.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/halt.h"
#include "optim/sgd.h"
#include "tensor/allocator.h"
#include "tensor/readback.h"
#include "tensor/uploads.h"
#include "tests/cuda/device.h"
#include "tests/cuda/paces.h"

namespace pixelgrad {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr double infinity = std::numeric_limits<double>::infinity();

class DeviceLoop : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
  }
};

Tensor filled(int64_t n, double value) { return Tensor::full({n}, value, Dtype::f32); }

/// Twice the batches 1, 2, ..., each with labels of ten times that, as the device saw them.
void upload_batches() {
  constexpr int steps = 7;
  std::vector<Tensor> images, labels;
  {
    Uploads uploads(Device::cuda);
    Tensor image = filled(5000, 0), label = filled(30, 0);
    for (int i = 1; i <= steps; ++i) {
      image.fill(i);  // what was uploaded may be overwritten
      const Tensor x = uploads.upload(image);
      label.fill(10 * i);
      images.push_back(x + x);
      const Tensor y = uploads.upload(label);
      labels.push_back(y + y);
      uploads.end_step();
    }
  }
  for (int i = 1; i <= steps; ++i) {
    EXPECT_THAT(images[static_cast<size_t>(i - 1)].to_doubles(), Each(2 * i));
    EXPECT_THAT(labels[static_cast<size_t>(i - 1)].to_doubles(), Each(20 * i));
  }
}

TEST_F(DeviceLoop, BatchesArriveBeforeTheyAreReadAndStayUntilThen) {
  at_every_pace(upload_batches);
}

TEST_F(DeviceLoop, ABatchArrivesAlsoWhenItsUploadsAreGone) {
  at_every_pace([] {
    const auto upload = [](double value) {
      return Uploads(Device::cuda).upload(filled(100, value));
    };
    const Tensor x = upload(1), y = upload(2);
    EXPECT_THAT(x.to_doubles(), Each(1));
    EXPECT_THAT(y.to_doubles(), Each(2));
  });
}

TEST_F(DeviceLoop, ABatchThatSomebodyKeepsIsNotOverwritten) {
  at_every_pace([] {
    Uploads uploads(Device::cuda);
    std::vector<Tensor> kept;
    for (int i = 0; i < 5; ++i) {
      kept.push_back(uploads.upload(filled(100, i)));
      uploads.end_step();
    }
    for (int i = 0; i < 5; ++i) EXPECT_THAT(kept[static_cast<size_t>(i)].to_doubles(), Each(i));
  });
}

TEST_F(DeviceLoop, BatchesMayChangeTheirShape) {
  at_every_pace([] {
    std::vector<Tensor> sums;
    {
      Uploads uploads(Device::cuda);
      for (const int64_t n : {100, 30000, 30000, 30000, 7, 40000, 40000, 0}) {
        // Memory that was others' until now, and is again when the batch is gone.
        { const Tensor other = Tensor::full({n}, -1, Dtype::f32, Device::cuda); }
        const Tensor x = uploads.upload(filled(n, static_cast<double>(n)));
        sums.push_back(x + x);
        uploads.end_step();
      }
    }
    for (const Tensor& sum : sums)
      EXPECT_THAT(sum.to_doubles(), Each(2 * static_cast<double>(sum.numel())));
  });
}

TEST_F(DeviceLoop, MemoryOfOthersIsNotWrittenTooEarly) {
  at_every_pace([] {
    empty_cache(Device::cuda);
    Tensor sum;
    {
      const Tensor other = Tensor::full({5'000'000}, 3, Dtype::f32, Device::cuda);
      sum = other + other;
    }  // its memory is free for the batch, while the sum may not be there yet
    Uploads uploads(Device::cuda);
    const Tensor x = uploads.upload(filled(5'000'000, 1));
    EXPECT_EQ(sum.to_doubles()[4'999'999], 6);
    EXPECT_EQ(x.to_doubles()[0], 1);
  });
}

TEST_F(DeviceLoop, NumbersThatNobodyReadSpoilNoBatch) {
  at_every_pace([] {
    const Tensor number = Tensor::scalar(7, Dtype::f32, Device::cuda);
    { const Readback unread({number}); }  // its page-locked memory is free for the batch
    Uploads uploads(Device::cuda);
    EXPECT_EQ(uploads.upload(filled(2, 1)).to_doubles()[0], 1);
  });
}

TEST_F(DeviceLoop, OnTheCpuABatchIsItself) {
  Uploads uploads(Device::cpu);
  const Tensor x = filled(3, 1);
  EXPECT_TRUE(uploads.upload(x).same_as(x));
  uploads.end_step();
}

TEST_F(DeviceLoop, NumbersAreThoseOfTheMomentTheyWereAskedFor) {
  at_every_pace([] {
    std::vector<Readback> asked;
    Tensor x = Tensor::scalar(0, Dtype::f32, Device::cuda);
    Tensor y = Tensor::scalar(0, Dtype::f64, Device::cuda);
    for (int i = 0; i < 5; ++i) {
      x.fill(i);
      y.fill(0.1 * i);
      asked.emplace_back(std::vector<Tensor>{x, y});
    }
    for (int i = 4; i >= 0; --i) {
      const Readback numbers = std::move(asked[static_cast<size_t>(i)]);
      EXPECT_THAT(numbers.values(), ElementsAre(i, 0.1 * i));
      EXPECT_TRUE(numbers.ready());
    }
  });
  EXPECT_THAT(Readback({filled(1, 2)}).values(), ElementsAre(2));
  EXPECT_THROW(Readback({filled(2, 2)}), Error);
}

/// Gradients of norm 5 and what clips them.
struct Gradients {
  std::vector<Tensor> all;
  Gradients(Device device, double last)
      : all{Tensor::from<float>({2}, {3, 0}).to(device), Tensor(),
            Tensor::full({1}, last, Dtype::f32).to(device)} {}
};

TEST_F(DeviceLoop, GradientsAreClippedAsOnTheCpu) {
  at_every_pace([] {
    for (const double last : {4.0, 0.5, infinity})
      for (const double max_norm : {1.0, 4.0, 100.0}) {
        Gradients host(Device::cpu, last), device(Device::cuda, last);
        const double norm = clip_gradient_norm(host.all, max_norm);
        EXPECT_DOUBLE_EQ(device_clip_gradient_norm(device.all, max_norm).item(), norm);
        for (const size_t i : {0, 2})
          EXPECT_EQ(device.all[i].to_doubles(), host.all[i].to_doubles());
      }
  });
}

template <class Optimizer>
void expect_to_halt(Optimizer optimizer, const Tensor& param) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Tensor halted = Tensor::zeros({}, Dtype::i32, Device::cuda);
  const auto step = [&](double loss, double norm) {
    halt_unless_finite(halted, Tensor::scalar(loss, Dtype::f32, Device::cuda),
                       Tensor::scalar(norm, Dtype::f64, Device::cuda));
    optimizer.step(0.1, std::vector<Tensor>{filled(3, 1).to(Device::cuda)}, halted);
  };
  const auto state = [&] {
    std::vector<std::vector<double>> values{param.to_doubles()};
    for (const NamedTensor& t : optimizer.state())
      if (t.tensor.dtype() == Dtype::f32) values.push_back(t.tensor.to_doubles());
    return values;
  };
  step(1, 1);
  const auto first = state();
  EXPECT_THAT(first[0], Each(::testing::Lt(2)));
  step(1, 1);
  const auto second = state();
  EXPECT_NE(second, first);
  for (const auto& [loss, norm] : std::vector<std::pair<double, double>>{
           {nan, 1}, {1, nan}, {infinity, 1}, {1, -infinity}, {nan, nan}}) {
    halted.fill(0);
    step(loss, norm);
    EXPECT_EQ(state(), second) << loss << " " << norm;
    step(1, 1);  // and so it stays
    EXPECT_EQ(state(), second) << loss << " " << norm;
  }
  halted.fill(0);
  step(1, 1);
  EXPECT_NE(state(), second);
}

TEST_F(DeviceLoop, NothingMovesFromTheFirstNumberOnThatIsNotFinite) {
  const auto param = [] { return filled(3, 2).to(Device::cuda); };
  at_every_pace([&] {
    for (const double momentum : {0.0, 0.9}) {
      const Tensor p = param();
      expect_to_halt(Sgd({{"p", p}}, {.momentum = momentum}), p);
    }
    const Tensor p = param();
    expect_to_halt(AdamW({{"p", p}}), p);
  });
}

}  // namespace
}  // namespace pixelgrad
