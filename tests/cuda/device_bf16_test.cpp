// Activations stored as bf16 on the CUDA backend.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "tensor/kernels/conv2d.h"
#include "tests/cuda/device_conv2d.h"
#include "tests/support/bf16_ops.h"
#ifdef PIXELGRAD_CUDA_EMULATED
#include <emulator/bank_conflicts.h>
#endif

namespace pixelgrad {
namespace {

using device_conv2d::cases;
using reference::describe;
using reference::geometry;
using reference::integers;
using reference::NaiveConv2d;

constexpr Device cuda = Device::cuda;

class DeviceBf16Ops : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
  }
  static const OpCase& op() {
    for (const OpCase& op : op_cases())
      if (op.name == GetParam()) return op;
    throw Error("no such case: " + GetParam());
  }
};

TEST_P(DeviceBf16Ops, AgreeWithTheCpuInDouble) { testing::expect_bf16_agreement(op(), cuda); }

TEST_P(DeviceBf16Ops, GiveTheSameBitsEveryTime) {
  for (const OpSample& sample : op().samples) {
    const auto first = testing::bf16_value_and_gradients(op(), sample, cuda);
    run_again([&] {
      const auto second = testing::bf16_value_and_gradients(op(), sample, cuda);
      for (size_t i = 0; i < first.size(); ++i)
        EXPECT_EQ(std::memcmp(first[i].raw(), second[i].raw(), first[i].bytes()), 0)
            << sample.name << ", result " << i;
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Table, DeviceBf16Ops, ::testing::ValuesIn(testing::bf16_ops()),
                         [](const auto& info) { return info.param; });

Tensor on_device(const std::vector<float>& values, Dtype dtype) {
  return Tensor::from<float>({static_cast<int64_t>(values.size())}, values).to(dtype).to(cuda);
}

Tensor garbage(int64_t size, Dtype dtype) {
  return Tensor::full({size}, std::numeric_limits<float>::quiet_NaN(), dtype, cuda);
}

std::vector<float> values(const Tensor& x) {
  const Tensor host = x.to(Device::cpu).to(Dtype::f32);
  return {host.data<float>(), host.data<float>() + host.numel()};
}

std::vector<float> rounded(std::vector<float> x) {
  for (float& v : x) v = bf16(v);
  return x;
}

/// x, weight, dy and results of one convolution on the device.
struct Convolution {
  NaiveConv2d c;
  Tensor x, w, dy, bias, x_bias;

  explicit Convolution(const NaiveConv2d& of)
      : c(of),
        x(on_device(integers<float>(c.x_size(), 1), Dtype::bf16)),
        w(on_device(integers<float>(c.weight_size(), 2), Dtype::f32)),
        dy(on_device(integers<float>(c.y_size(), 3), Dtype::bf16)),
        bias(on_device(integers<float>(c.out_channels, 4), Dtype::f32)),
        x_bias(on_device(integers<float>(c.in_channels, 5), Dtype::f32)) {}

  std::vector<float> forward() const {
    Tensor y = garbage(c.y_size(), Dtype::bf16);
    kernels::conv2d_forward<cuda, bf16>(geometry(c), x.data<bf16>(), w.data<float>(),
                                        bias.data<float>(), y.mutable_data<bf16>());
    return values(y);
  }
  std::vector<float> backward_input() const {
    Tensor dx = garbage(c.x_size(), Dtype::bf16);
    kernels::conv2d_backward_input<cuda, bf16>(geometry(c), dy.data<bf16>(), w.data<float>(),
                                               x_bias.data<float>(), dx.mutable_data<bf16>());
    return values(dx);
  }
  std::vector<float> backward_weight() const {
    Tensor dw = garbage(c.weight_size(), Dtype::f32);
    kernels::conv2d_backward_weight<cuda, bf16>(geometry(c), x.data<bf16>(), dy.data<bf16>(),
                                                dw.mutable_data<float>());
    return values(dw);
  }
};

class DeviceBf16Conv2d : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
  }
};

// Sums of whole numbers are exact, so what is left is the one rounding of what is stored.
TEST_F(DeviceBf16Conv2d, WholeNumbersAreRoundedOnce) {
  for (const NaiveConv2d& c : cases()) {
    SCOPED_TRACE(describe(c));
    const Convolution on_gpu(c);
    const auto x = integers<float>(c.x_size(), 1), w = integers<float>(c.weight_size(), 2);
    const auto dy = integers<float>(c.y_size(), 3);
    const auto bias = integers<float>(c.out_channels, 4);
    const auto x_bias = integers<float>(c.in_channels, 5);
    EXPECT_TRUE(on_gpu.forward() == rounded(naive_forward(c, x, w, bias)));
    EXPECT_TRUE(on_gpu.backward_input() == rounded(naive_backward_input(c, dy, w, x_bias)));
    EXPECT_TRUE(on_gpu.backward_weight() == naive_backward_weight(c, x, dy));
  }
}

TEST_F(DeviceBf16Conv2d, SameBitsInEveryRun) {
  const Convolution c(reference::square_case(2, 20, 24, 40, 36));
  const auto y = c.forward(), dx = c.backward_input(), dw = c.backward_weight();
  run_again([&] {
    EXPECT_TRUE(c.forward() == y);
    EXPECT_TRUE(c.backward_input() == dx);
    EXPECT_TRUE(c.backward_weight() == dw);
  });
}

#ifdef PIXELGRAD_CUDA_EMULATED
// Where neighbours lie across k, two copies of a warp meet in a bank, as in the narrow tile of
// floats.
TEST_F(DeviceBf16Conv2d, LanesDoNotMeetInABank) {
  for (const int64_t channels : {32, 64, 128}) {
    const Convolution c(reference::square_case(1, 12, 12, channels, channels));
    emulator::reset_bank_conflicts();
    c.forward();
    EXPECT_EQ(emulator::bank_conflicts(), 0u) << channels;
  }
}
#endif

}  // namespace
}  // namespace pixelgrad
