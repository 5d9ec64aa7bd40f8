#include "tensor/kernels/softmax.h"

#include <algorithm>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/softmax.cpp"
#include "tensor/cpu/simd.h"
// After simd.h, which chooses the target that it is compiled for.
#include "tensor/cpu/softmax_block-inl.h"

#ifndef PIXELGRAD_TENSOR_CPU_SOFTMAX
#define PIXELGRAD_TENSOR_CPU_SOFTMAX
namespace pixelgrad::kernels {
template <class T>
struct SoftmaxTiles {
  void (*softmax_forward)(int64_t rows, int64_t classes, const T* x, T* y);
  void (*softmax_backward)(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx);
  void (*log_softmax_forward)(int64_t rows, int64_t classes, const T* x, T* y);
  void (*log_softmax_backward)(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

template <class T>
void softmax_forward(int64_t rows, int64_t classes, const T* x, T* y) {
  SoftmaxBlock<T> block(classes);
  for (int64_t row = 0; row < rows; row += block.capacity()) {
    const int64_t n = std::min(block.capacity(), rows - row);
    block.run(n, x + row * classes);
    for (int64_t p = 0; p < n; ++p)
      for (int64_t k = 0; k < classes; ++k)
        y[(row + p) * classes + k] = block.exp(k)[p] / block.sum()[p];
  }
}

template <class T>
void softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx) {
  for (int64_t row = 0; row < rows; ++row, y += classes, dy += classes, dx += classes) {
    // Where one class has nearly all, dy - sum is a small difference of large numbers: y, which was
    // rounded, must count as probabilities that add up to exactly 1.
    acc_t<T> sum = 0, total = 0;
    for (int64_t k = 0; k < classes; ++k) {
      sum += static_cast<acc_t<T>>(dy[k]) * y[k];
      total += y[k];
    }
    sum /= total;
    for (int64_t k = 0; k < classes; ++k)
      dx[k] = static_cast<T>(
          y[k] * (dy[k] - PIXELGRAD_MUTANT(softmax_backward_without_sum, sum, acc_t<T>{0})));
  }
}

template <class T>
void log_softmax_forward(int64_t rows, int64_t classes, const T* x, T* y) {
  SoftmaxBlock<T> block(classes);
  for (int64_t row = 0; row < rows; row += block.capacity()) {
    const int64_t n = std::min(block.capacity(), rows - row);
    block.run(n, x + row * classes);
    for (int64_t p = 0; p < n; ++p)
      for (int64_t k = 0; k < classes; ++k) {
        const int64_t at = (row + p) * classes + k;
        y[at] = (x[at] - block.largest()[p]) - block.log_sum()[p];
      }
  }
}

template <class T>
void log_softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  // The exponentials of a few rows at a time: vectors run across row ends, the cache holds them.
  const int64_t rows_at_a_time = std::max<int64_t>(1, 2048 / classes);
  std::vector<T> probability(static_cast<size_t>(rows_at_a_time * classes + lanes));
  for (int64_t row = 0; row < rows; row += rows_at_a_time) {
    const int64_t n = std::min(rows_at_a_time, rows - row) * classes;
    const int64_t at = row * classes;
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
      hn::StoreU(exp_of(d, hn::LoadU(d, y + at + i)), d, probability.data() + i);
    const hn::CappedTag<T, 1> one;
    for (; i < n; ++i)
      hn::StoreU(exp_of(one, hn::LoadU(one, y + at + i)), one, probability.data() + i);
    for (i = 0; i < n; i += classes) {
      const T* g = dy + at + i;
      T sum = 0;
      for (int64_t k = 0; k < classes; ++k) sum += g[k];
      for (int64_t k = 0; k < classes; ++k)
        dx[at + i + k] = g[k] - PIXELGRAD_MUTANT(log_softmax_backward_without_probability,
                                                 probability[static_cast<size_t>(i + k)],
                                                 1 / static_cast<T>(classes)) *
                                    sum;
    }
  }
}

template <class T>
SoftmaxTiles<T> tiles() {
  return {.softmax_forward = softmax_forward<T>,
          .softmax_backward = softmax_backward<T>,
          .log_softmax_forward = log_softmax_forward<T>,
          .log_softmax_backward = log_softmax_backward<T>};
}
PIXELGRAD_TARGET_TILES(SoftmaxTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

PIXELGRAD_BEST_TILES(SoftmaxTiles)

/// Rows that make a tile of about 32K values.
int64_t grain(int64_t classes) { return std::max<int64_t>(1, (1 << 15) / classes); }

}  // namespace

template <Device D, class T>
void softmax_forward(int64_t rows, int64_t classes, const T* x, T* y) {
  const auto tile = best_tiles<T>().softmax_forward;
  parallel_range(rows, grain(classes), [&](int64_t row, int64_t end) {
    tile(end - row, classes, x + row * classes, y + row * classes);
  });
}

template <Device D, class T>
void softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx) {
  const auto tile = best_tiles<T>().softmax_backward;
  parallel_range(rows, grain(classes), [&](int64_t row, int64_t end) {
    tile(end - row, classes, y + row * classes, dy + row * classes, dx + row * classes);
  });
}

template <Device D, class T>
void log_softmax_forward(int64_t rows, int64_t classes, const T* x, T* y) {
  const auto tile = best_tiles<T>().log_softmax_forward;
  parallel_range(rows, grain(classes), [&](int64_t row, int64_t end) {
    tile(end - row, classes, x + row * classes, y + row * classes);
  });
}

template <Device D, class T>
void log_softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx) {
  const auto tile = best_tiles<T>().log_softmax_backward;
  parallel_range(rows, grain(classes), [&](int64_t row, int64_t end) {
    tile(end - row, classes, y + row * classes, dy + row * classes, dx + row * classes);
  });
}

#define PIXELGRAD_INSTANTIATE(T)                                                            \
  template void softmax_forward<Device::cpu, T>(int64_t, int64_t, const T*, T*);            \
  template void softmax_backward<Device::cpu, T>(int64_t, int64_t, const T*, const T*, T*); \
  template void log_softmax_forward<Device::cpu, T>(int64_t, int64_t, const T*, T*);        \
  template void log_softmax_backward<Device::cpu, T>(int64_t, int64_t, const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE
