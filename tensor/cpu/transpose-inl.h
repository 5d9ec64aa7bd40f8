// Transposing small matrices in registers. Included once per SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_TRANSPOSE_INL_H_
#undef PIXELGRAD_TENSOR_CPU_TRANSPOSE_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_TRANSPOSE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows and columns of the matrix that transpose_square() takes: a register of 16 bytes.
template <class T>
inline constexpr int64_t square = 16 / sizeof(T);

/// to[j][i] = from[i][j], for i, j < square<T>.
template <class T>
HWY_INLINE void transpose_square(const T* HWY_RESTRICT from, int64_t from_row, T* HWY_RESTRICT to,
                                 int64_t to_row) {
#if HWY_TARGET == HWY_SCALAR  // one lane: nothing to interleave
  for (int64_t i = 0; i < square<T>; ++i)
    for (int64_t j = 0; j < square<T>; ++j) to[j * to_row + i] = from[i * from_row + j];
#else
  const hn::CappedTag<T, square<T> > d;
  if constexpr (sizeof(T) == 8) {
    const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + from_row);
    hn::StoreU(hn::InterleaveLower(d, a, b), d, to);
    hn::StoreU(hn::InterleaveUpper(d, a, b), d, to + to_row);
  } else {
    const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + from_row);
    const auto c = hn::LoadU(d, from + 2 * from_row), e = hn::LoadU(d, from + 3 * from_row);
    const auto low_even = hn::InterleaveLower(d, a, c), low_odd = hn::InterleaveLower(d, b, e);
    const auto high_even = hn::InterleaveUpper(d, a, c), high_odd = hn::InterleaveUpper(d, b, e);
    hn::StoreU(hn::InterleaveLower(d, low_even, low_odd), d, to);
    hn::StoreU(hn::InterleaveUpper(d, low_even, low_odd), d, to + to_row);
    hn::StoreU(hn::InterleaveLower(d, high_even, high_odd), d, to + 2 * to_row);
    hn::StoreU(hn::InterleaveUpper(d, high_even, high_odd), d, to + 3 * to_row);
  }
#endif
}

/// to[j][i] = from[i][j], for i < rows, j < cols.
template <class T>
void transpose(int64_t rows, int64_t cols, const T* from, int64_t from_row, T* to, int64_t to_row) {
  const int64_t whole_rows = rows - rows % square<T>, whole_cols = cols - cols % square<T>;
  for (int64_t i = 0; i < whole_rows; i += square<T>) {
    for (int64_t j = 0; j < whole_cols; j += square<T>)
      transpose_square(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
    for (int64_t j = whole_cols; j < cols; ++j)
      for (int64_t k = i; k < i + square<T>; ++k) to[j * to_row + k] = from[k * from_row + j];
  }
  for (int64_t i = whole_rows; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) to[j * to_row + i] = from[i * from_row + j];
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
