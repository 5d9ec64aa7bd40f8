#include "tensor/kernels/dropout.h"

#include <algorithm>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/dropout.cpp"
#include "tensor/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

constexpr int64_t chunk = 128;  // values whose bits are drawn before they are used

/// bits[i] for elements [first, first + chunk): the Philox blocks stand side by side, so that the
/// compiler works on one in each SIMD lane.
void draw(const RandomKey& key, int64_t first, uint32_t* bits) {
  for (int64_t i = 0; i < chunk / 4; ++i) {
    const auto words = philox(key, static_cast<uint64_t>(first / 4 + i));
    for (int64_t j = 0; j < 4; ++j) bits[4 * i + j] = words[static_cast<size_t>(j)];
  }
}

/// Elements [begin, end) of the whole; begin is a multiple of 4.
template <class T>
void dropout_tile(int64_t begin, int64_t end, const T* x, double p, const RandomKey& key, T* y) {
  const uint64_t threshold = dropout_threshold(p);
  const T scale = static_cast<T>(p < 1 ? 1 / (1 - p) : 0);
  uint32_t bits[chunk];
  for (int64_t first = begin; first < end; first += chunk) {
    draw(key, first, bits);
    const int64_t n = std::min(chunk, end - first);
    for (int64_t i = 0; i < n; ++i)
      y[first + i] = bits[i] < threshold ? T{0} : x[first + i] * scale;
  }
}

void tile_f32(int64_t begin, int64_t end, const float* x, double p, const RandomKey& key,
              float* y) {
  dropout_tile(begin, end, x, p, key, y);
}
void tile_f64(int64_t begin, int64_t end, const double* x, double p, const RandomKey& key,
              double* y) {
  dropout_tile(begin, end, x, p, key, y);
}

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
HWY_EXPORT(tile_f32);
HWY_EXPORT(tile_f64);
}  // namespace

template <Device D, class T>
void dropout(int64_t n, const T* x, double p, const RandomKey& key, T* y) {
  parallel_range(n, 1 << 15, [&](int64_t begin, int64_t end) {
    if constexpr (std::is_same_v<T, float>)
      HWY_DYNAMIC_DISPATCH(tile_f32)(begin, end, x, p, key, y);
    else
      HWY_DYNAMIC_DISPATCH(tile_f64)(begin, end, x, p, key, y);
  });
}

template void dropout<Device::cpu, float>(int64_t, const float*, double, const RandomKey&, float*);
template void dropout<Device::cpu, double>(int64_t, const double*, double, const RandomKey&,
                                           double*);

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE
