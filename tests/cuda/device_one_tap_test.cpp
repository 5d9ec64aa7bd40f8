// Convolutions of one tap as products of matrices by cuBLAS, against naive loops.
#include <vector>

#include "tensor/cuda/conv2d_choice.h"
#include "tests/cuda/device_conv2d.h"

namespace pixelgrad {
namespace {

using cuda::by_gemm;
using cuda::ConvDirection;
using cuda::OneTapAlgorithm;
using device_conv2d::backward_input;
using device_conv2d::backward_weight;
using device_conv2d::expect_exact;
using device_conv2d::expect_rounding;
using device_conv2d::forward;
using device_conv2d::garbage;
using device_conv2d::on_device;
using device_conv2d::values;
using kernels::Precision;
using reference::geometry;
using reference::integers;
using reference::NaiveConv2d;
using reference::normals;

constexpr ConvDirection directions[] = {ConvDirection::forward, ConvDirection::input_gradient,
                                        ConvDirection::weight_gradient};

NaiveConv2d one_tap(int64_t n, int64_t h, int64_t w, int64_t in, int64_t out) {
  return {.n = n, .in_h = h, .in_w = w, .in_channels = in, .out_channels = out};
}

class DeviceOneTap : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
    kernels::set_precision(GetParam());
    cuda::set_one_tap_algorithm(OneTapAlgorithm::gemm);
  }
  void TearDown() override {
    kernels::set_precision(Precision::f32);
    cuda::set_one_tap_algorithm(OneTapAlgorithm::automatic);
  }
};

TEST_P(DeviceOneTap, WholeNumbersAreExact) {
  for (const NaiveConv2d& c :
       {one_tap(1, 1, 1, 1, 1), one_tap(1, 1, 1, 512, 256), one_tap(2, 5, 7, 3, 21),
        one_tap(3, 4, 6, 64, 5), one_tap(1, 13, 11, 34, 70), one_tap(2, 8, 8, 128, 64)}) {
    for (const ConvDirection direction : directions)
      ASSERT_TRUE(by_gemm(direction, geometry(c), GetParam()));
    expect_exact<float>(c);
  }
}

/// Of one of several inputs, the weight has more channels than the gradient is of.
TEST_P(DeviceOneTap, GradientsOfOneOfSeveralInputs) {
  constexpr int64_t before = 6, in = 10, after = 4, all = before + in + after, out = 12;
  const NaiveConv2d c = one_tap(2, 5, 3, in, out);
  kernels::Conv2dGeometry g = geometry(c);
  g.weight_channels = all;
  const auto x = integers<float>(c.x_size(), 1), dy = integers<float>(c.y_size(), 2);
  const auto w = integers<float>(out * all, 3);
  std::vector<float> part;  // of the weight
  for (int64_t o = 0; o < out; ++o)
    part.insert(part.end(), w.begin() + o * all + before, w.begin() + o * all + before + in);
  const Tensor on_x = on_device(x), on_dy = on_device(dy), on_w = on_device(w);
  Tensor dx = garbage<float>(c.x_size()), dw = on_device(w);
  kernels::conv2d_backward_input<Device::cuda, float>(
      g, on_dy.data<float>(), on_w.data<float>() + before, nullptr, dx.mutable_data<float>());
  EXPECT_TRUE(values<float>(dx) == naive_backward_input(c, dy, part));
  kernels::conv2d_backward_weight<Device::cuda, float>(g, on_x.data<float>(), on_dy.data<float>(),
                                                       dw.mutable_data<float>() + before);
  std::vector<float> expected = w;  // the rest stays
  const auto gradient = naive_backward_weight(c, x, dy);
  for (int64_t o = 0; o < out; ++o)
    std::copy_n(gradient.begin() + o * in, in, expected.begin() + o * all + before);
  EXPECT_TRUE(values<float>(dw) == expected);
}

TEST_P(DeviceOneTap, SameBitsInEveryRun) {
  const NaiveConv2d c = one_tap(2, 30, 31, 68, 72);
  const auto x = normals<float>(c.x_size(), 1), w = normals<float>(c.weight_size(), 2);
  const auto dy = normals<float>(c.y_size(), 3), bias = normals<float>(c.out_channels, 4);
  const auto y = forward(c, x, w, bias), dx = backward_input(c, dy, w),
             dw = backward_weight(c, x, dy);
  run_again([&] {
    EXPECT_TRUE(forward(c, x, w, bias) == y);
    EXPECT_TRUE(backward_input(c, dy, w) == dx);
    EXPECT_TRUE(backward_weight(c, x, dy) == dw);
  });
}

TEST_P(DeviceOneTap, RoundsMultiplicands) {
  // cuBLAS does not say that it rounds to nearest: cutting bits off errs twice as far, and to one
  // side.
  expect_rounding(one_tap(2, 12, 14, 70, 66), GetParam(), 4);
}

INSTANTIATE_TEST_SUITE_P(, DeviceOneTap, testing::Values(Precision::f32, Precision::tf32),
                         [](const auto& info) {
                           return info.param == Precision::f32 ? "f32" : "tf32";
                         });

TEST(OneTapChoice, IsForProductsOfMatricesOnly) {
  const kernels::Conv2dGeometry product = geometry(one_tap(2, 64, 64, 256, 128));
  const auto any = [](const kernels::Conv2dGeometry& g, Precision precision = Precision::f32) {
    bool any = false;
    for (const ConvDirection direction : directions) any = any || by_gemm(direction, g, precision);
    return any;
  };
  for (const OneTapAlgorithm algorithm : {OneTapAlgorithm::automatic, OneTapAlgorithm::gemm}) {
    cuda::set_one_tap_algorithm(algorithm);
    for (const ConvDirection direction : directions) {
      EXPECT_TRUE(by_gemm(direction, product, Precision::f32));
      EXPECT_TRUE(by_gemm(direction, product, Precision::tf32));
    }
    EXPECT_FALSE(any(product, Precision::bf16));
    NaiveConv2d c = one_tap(2, 64, 64, 256, 128);
    c.kernel_h = 3;
    EXPECT_FALSE(any(geometry(c)));
    c = one_tap(2, 64, 64, 256, 128);
    c.stride_w = 2;
    EXPECT_FALSE(any(geometry(c)));
    c = one_tap(2, 64, 64, 256, 128);
    c.pad_bottom = 1;
    EXPECT_FALSE(any(geometry(c)));
    c = one_tap(2, 64, 64, 256, 128);
    c.groups = 2;
    EXPECT_FALSE(any(geometry(c)));
    EXPECT_FALSE(any(geometry(one_tap(0, 64, 64, 256, 128))));
  }
  cuda::set_one_tap_algorithm(OneTapAlgorithm::implicit);
  EXPECT_FALSE(any(product));
  cuda::set_one_tap_algorithm(OneTapAlgorithm::automatic);
}

}  // namespace
}  // namespace pixelgrad
