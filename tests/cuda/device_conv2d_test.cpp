// The convolutions of the CUDA backend against naive loops, by FMA and by tensor cores.
#include <gtest/gtest.h>

#include <vector>

#include "tests/cuda/device_conv2d.h"
#ifdef PIXELGRAD_CUDA_EMULATED
#include <emulator/bank_conflicts.h>
#endif

namespace pixelgrad {
namespace {

using device_conv2d::backward_input;
using device_conv2d::backward_weight;
using device_conv2d::cases;
using device_conv2d::expect_exact;
using device_conv2d::forward;
using device_conv2d::garbage;
using device_conv2d::on_device;
using device_conv2d::values;
using kernels::Precision;
using reference::geometry;
using reference::integers;
using reference::NaiveConv2d;
using reference::normals;

class DeviceConv2d : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
    kernels::set_precision(GetParam());
  }
  void TearDown() override { kernels::set_precision(Precision::f32); }
};

TEST_P(DeviceConv2d, WholeNumbersAreExact) {
  for (const NaiveConv2d& c : cases()) expect_exact<float>(c);
}

TEST_P(DeviceConv2d, WholeNumbersAreExactInF64) {
  if (GetParam() != Precision::f32) GTEST_SKIP() << "f64 is never rounded";
  for (const NaiveConv2d& c : cases()) expect_exact<double>(c);
}

/// More inputs than one launch takes.
TEST_P(DeviceConv2d, ManyInputs) {
  for (const int64_t channels : {3, 4}) {
    NaiveConv2d c = reference::square_case(1, 6, 7, 20 * channels, 68);
    const auto x = integers<float>(c.x_size(), 1), w = integers<float>(c.weight_size(), 2);
    const auto bias = integers<float>(c.out_channels, 3);
    std::vector<Tensor> parts;
    std::vector<kernels::Conv2dInput<float>> inputs;
    for (int64_t first = 0; first < c.in_channels; first += channels) {
      std::vector<float> part;
      for (int64_t pixel = 0; pixel < c.x_size(); pixel += c.in_channels)
        part.insert(part.end(), x.begin() + pixel + first, x.begin() + pixel + first + channels);
      parts.push_back(on_device(part));
      inputs.push_back({parts.back().data<float>(), channels});
    }
    const Tensor dw = on_device(w), db = on_device(bias);
    Tensor y = garbage<float>(c.y_size());
    kernels::conv2d_forward<Device::cuda, float>(geometry(c), inputs, dw.data<float>(),
                                                 db.data<float>(), y.mutable_data<float>());
    EXPECT_TRUE(values<float>(y) == naive_forward(c, x, w, bias));
  }
}

TEST_P(DeviceConv2d, SameBitsInEveryRun) {
  const NaiveConv2d c = reference::square_case(2, 20, 24, 40, 36);
  const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
  const auto dy = normals<float>(c.y_size(), 3);
  const auto y = forward(c, x, w), dx = backward_input(c, dy, w), dw = backward_weight(c, x, dy);
  run_again([&] {
    EXPECT_TRUE(forward(c, x, w) == y);
    EXPECT_TRUE(backward_input(c, dy, w) == dx);
    EXPECT_TRUE(backward_weight(c, x, dy) == dw);
  });
}

#ifdef PIXELGRAD_CUDA_EMULATED
/// How often lanes of a warp met in a bank of shared memory.
template <class F>
uint64_t bank_conflicts(const F& f) {
  emulator::reset_bank_conflicts();
  f();
  return emulator::bank_conflicts();
}

TEST_P(DeviceConv2d, LanesDoNotMeetInABank) {
  // The narrow tile of tensor cores is left out: where neighbours lie across k, two of its copies
  // meet, in 4 of 8 lanes.
  for (const int64_t channels : {64, 128}) {
    const NaiveConv2d c = reference::square_case(1, 12, 12, channels, channels);
    const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
    const auto dy = normals<float>(c.y_size(), 3);
    EXPECT_EQ(bank_conflicts([&] { forward(c, x, w); }), 0u) << channels;
    EXPECT_EQ(bank_conflicts([&] { backward_input(c, dy, w); }), 0u) << channels;
    EXPECT_EQ(bank_conflicts([&] { backward_weight(c, x, dy); }), 0u) << channels;
  }
}
#endif

TEST_P(DeviceConv2d, RoundsMultiplicands) {
  device_conv2d::expect_rounding(reference::square_case(2, 12, 14, 70, 66), GetParam());
}

INSTANTIATE_TEST_SUITE_P(, DeviceConv2d,
                         testing::Values(Precision::f32, Precision::tf32, Precision::bf16),
                         [](const auto& info) -> std::string {
                           for (const auto& [name, precision] : kernels::precisions())
                             if (precision == info.param) return name;
                           return "unknown";
                         });

}  // namespace
}  // namespace pixelgrad
