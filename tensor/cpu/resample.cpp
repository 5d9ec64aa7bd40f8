#include "tensor/cpu/resample.h"

#include <algorithm>

#include "tensor/dtype.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/resample.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_RESAMPLE
#define PIXELGRAD_TENSOR_CPU_RESAMPLE
namespace pixelgrad::cpu {
struct ResampleSizes {
  int64_t in_h, in_w, channels;
};

template <class T>
struct ResampleTiles {
  /// Output rows [begin, end) of all images.
  void (*rows)(const ResampleSizes& s, const AxisTaps& rows, const AxisTaps& cols, int64_t begin,
               int64_t end, const T* from, T* to);
};
}  // namespace pixelgrad::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

/// to[i] = sum over the taps of output o of weight * from[tap.in * stride + i], i < count.
template <class T, class Sum>
void sum_taps(const AxisTaps& axis, int64_t o, const T* from, int64_t stride, int64_t count,
              Sum* HWY_RESTRICT to) {
  std::fill_n(to, count, Sum{0});
  const int64_t end = axis.first[static_cast<size_t>(o) + 1];
  for (int64_t t = axis.first[static_cast<size_t>(o)]; t < end; ++t) {
    const AxisTaps::Tap tap = axis.taps[static_cast<size_t>(t)];
    const Sum weight = static_cast<Sum>(tap.weight);
    const T* HWY_RESTRICT in = from + tap.in * stride;
    for (int64_t i = 0; i < count; ++i) to[i] += weight * in[i];
  }
}

template <class T>
void resample_rows(const ResampleSizes& s, const AxisTaps& rows, const AxisTaps& cols,
                   int64_t begin, int64_t end, const T* from, T* to) {
  const int64_t line = s.in_w * s.channels;
  // Rows first, then columns: an output of k x k taps costs k + k and not k * k.
  using Sum = compute_t<T>;
  std::vector<Sum> sums(static_cast<size_t>(line)), pixel(static_cast<size_t>(s.channels));
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / rows.outputs(), oy = row % rows.outputs();
    sum_taps(rows, oy, from + image * s.in_h * line, line, line, sums.data());
    T* out = to + row * cols.outputs() * s.channels;
    for (int64_t ox = 0; ox < cols.outputs(); ++ox, out += s.channels) {
      if constexpr (std::is_same_v<T, Sum>) {
        sum_taps(cols, ox, sums.data(), s.channels, s.channels, out);
      } else {
        sum_taps(cols, ox, sums.data(), s.channels, s.channels, pixel.data());
        for (int64_t c = 0; c < s.channels; ++c) out[c] = static_cast<T>(pixel[c]);
      }
    }
  }
}

template <class T>
ResampleTiles<T> tiles() {
  return {.rows = resample_rows<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(ResampleTiles)

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {
namespace {
PIXELGRAD_BEST_ACTIVATION_TILES(ResampleTiles)
}  // namespace

AxisTaps transposed(const AxisTaps& axis, int64_t inputs) {
  std::vector<std::vector<AxisTaps::Tap>> of(static_cast<size_t>(inputs));
  for (int64_t o = 0; o < axis.outputs(); ++o)
    for (int64_t t = axis.first[static_cast<size_t>(o)]; t < axis.first[static_cast<size_t>(o) + 1];
         ++t) {
      const AxisTaps::Tap tap = axis.taps[static_cast<size_t>(t)];
      of[static_cast<size_t>(tap.in)].push_back({o, tap.weight});
    }
  AxisTaps result;
  for (const auto& readers : of) {
    for (const AxisTaps::Tap& tap : readers) result.add(tap.in, tap.weight);
    result.end_output();
  }
  return result;
}

template <class T>
void resample(int64_t n, int64_t in_h, int64_t in_w, int64_t channels, const AxisTaps& rows,
              const AxisTaps& cols, const T* from, T* to) {
  const ResampleSizes sizes{in_h, in_w, channels};
  // Tiles that read about 32K values.
  const int64_t taps_a_row = static_cast<int64_t>(rows.taps.size()) / rows.outputs() + 1;
  const int64_t values = std::max<int64_t>(1, in_w * channels * taps_a_row);
  const auto tile = best_tiles<T>().rows;
  parallel_range(
      n * rows.outputs(), std::max<int64_t>(1, (1 << 15) / values),
      [&](int64_t begin, int64_t end) { tile(sizes, rows, cols, begin, end, from, to); });
}

template void resample(int64_t, int64_t, int64_t, int64_t, const AxisTaps&, const AxisTaps&,
                       const float*, float*);
template void resample(int64_t, int64_t, int64_t, int64_t, const AxisTaps&, const AxisTaps&,
                       const double*, double*);
template void resample(int64_t, int64_t, int64_t, int64_t, const AxisTaps&, const AxisTaps&,
                       const bf16*, bf16*);

}  // namespace pixelgrad::cpu
#endif  // HWY_ONCE
