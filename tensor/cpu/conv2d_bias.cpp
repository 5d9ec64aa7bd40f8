#include <algorithm>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_bias.cpp"
#include "tensor/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

/// The sums of parts of the pixels in f64, then of the parts in their order.
template <class T>
void sum_pixels(int64_t pixels, int64_t channels, const T* dy, compute_t<T>* dbias) {
  using Sum = acc_t<T>;
  const int64_t parts = std::clamp<int64_t>(pixels * channels / 65536, 1, 64);
  std::vector<Sum> all(parts * channels, Sum{0});
  parallel_for(parts, [&](int64_t part) {
    Sum* HWY_RESTRICT sums = all.data() + part * channels;
    for (int64_t p = pixels * part / parts; p < pixels * (part + 1) / parts; ++p) {
      const T* HWY_RESTRICT row = dy + p * channels;
      for (int64_t c = 0; c < channels; ++c) sums[c] += row[c];
    }
  });
  for (int64_t c = 0; c < channels; ++c) {
    Sum sum = 0;
    for (int64_t part = 0; part < parts; ++part) sum += all[part * channels + c];
    dbias[c] = static_cast<compute_t<T>>(sum);
  }
}

void sum_pixels_f32(int64_t pixels, int64_t channels, const float* dy, float* dbias) {
  sum_pixels<float>(pixels, channels, dy, dbias);
}
void sum_pixels_f64(int64_t pixels, int64_t channels, const double* dy, double* dbias) {
  sum_pixels<double>(pixels, channels, dy, dbias);
}
void sum_pixels_bf16(int64_t pixels, int64_t channels, const bf16* dy, float* dbias) {
  sum_pixels<bf16>(pixels, channels, dy, dbias);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad {
namespace cpu {
HWY_EXPORT(sum_pixels_f32);
HWY_EXPORT(sum_pixels_f64);
HWY_EXPORT(sum_pixels_bf16);
}  // namespace cpu

namespace kernels {

template <>
void sum_over_pixels<Device::cpu, float>(int64_t pixels, int64_t channels, const float* dy,
                                         float* dbias) {
  using namespace cpu;
  HWY_DYNAMIC_DISPATCH(sum_pixels_f32)(pixels, channels, dy, dbias);
}
template <>
void sum_over_pixels<Device::cpu, double>(int64_t pixels, int64_t channels, const double* dy,
                                          double* dbias) {
  using namespace cpu;
  HWY_DYNAMIC_DISPATCH(sum_pixels_f64)(pixels, channels, dy, dbias);
}

template <>
void sum_over_pixels<Device::cpu, bf16>(int64_t pixels, int64_t channels, const bf16* dy,
                                        float* dbias) {
  using namespace cpu;
  HWY_DYNAMIC_DISPATCH(sum_pixels_bf16)(pixels, channels, dy, dbias);
}

}  // namespace kernels
}  // namespace pixelgrad
#endif
