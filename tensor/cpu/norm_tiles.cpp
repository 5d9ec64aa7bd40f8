#include "tensor/cpu/norm_tiles.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/norm_tiles.cpp"
#include "tensor/cpu/simd.h"
// After simd.h: highway.h first, then what builds on it.
#include "tensor/cpu/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t block = 16;          // columns whose sums are in registers
constexpr int64_t rows_at_a_time = 8;  // rows added before the sums go back to memory

/// Lanes of f64, whatever the element type is.
template <class D>
hn::Vec<D> in_f64(D, hn::Vec<D> x) {
  return x;
}
template <class D>
hn::Vec<D> in_f64(D d, hn::Vec<hn::Rebind<float, D>> x) {
  return hn::PromoteTo(d, x);
}
template <class D, class T>
hn::Vec<D> load_f64(D d, const T* x) {
  return in_f64(d, load_values(hn::Rebind<compute_t<T>, D>(), x));
}

template <class T>
void moments(int64_t rows, int64_t width, int64_t tail, const T* x, const double* shift,
             double* sum, double* square) {
  const hn::ScalableTag<double> d;
  constexpr int64_t lanes = hn::MaxLanes(d);
  constexpr int64_t vectors = block / lanes;
  for (int64_t row = 0; row < rows; row += rows_at_a_time) {
    const int64_t end = std::min(rows, row + rows_at_a_time);
    for (int64_t c = 0; c < width; c += block) {
      hn::Vec<decltype(d)> s[vectors], q[vectors], base[vectors];
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        base[v] = hn::LoadU(d, shift + c + v * lanes);
        s[v] = hn::LoadU(d, sum + c + v * lanes);
        q[v] = hn::LoadU(d, square + c + v * lanes);
      }
      for (int64_t r = row; r < end; ++r) {
        const T* at = x + r * width + c;
        HWY_UNROLL(8)
        for (int64_t v = 0; v < vectors; ++v) {
          const auto value = hn::Sub(load_f64(d, at + v * lanes), base[v]);
          s[v] = hn::Add(s[v], value);
          q[v] = hn::MulAdd(value, value, q[v]);
        }
      }
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        hn::StoreU(s[v], d, sum + c + v * lanes);
        hn::StoreU(q[v], d, square + c + v * lanes);
      }
    }
  }
  for (int64_t c = 0; c < tail; ++c) {
    const double value = static_cast<double>(x[rows * width + c]) - shift[c];
    sum[c] += value;
    square[c] += value * value;
  }
}

// What follows runs over whole rows, and once more over the tail, whose last vector may be part of
// one: it goes through memory of its own, so that every value meets the same instructions.

/// A vector, of which `n` values are there; the rest is 0.
template <bool whole, class D, class T>
HWY_INLINE hn::Vec<D> load(D d, const T* from, int64_t n) {
  if constexpr (whole) return load_values(d, from);
  T part[hn::MaxLanes(d)] = {};
  if (n > 0) std::copy_n(from, std::min(n, static_cast<int64_t>(hn::Lanes(d))), part);
  return load_values(d, part);
}
template <bool whole, class D, class T>
HWY_INLINE void store(D d, hn::Vec<D> v, T* to, int64_t n) {
  if constexpr (whole) return store_values(d, v, to);
  T part[hn::MaxLanes(d)];
  store_values(d, v, part);
  std::copy_n(part, std::min(n, static_cast<int64_t>(hn::Lanes(d))), to);
}

/// The value before the ReLU from x - mean, for the forward and for the mask of the backward alike:
/// one formula with a fused multiplication, so that both have the same bits.
template <bool residual, bool whole, class D, class T>
HWY_INLINE hn::Vec<D> before_relu(D d, hn::Vec<D> centered, const NormRow<T>& row, int64_t at,
                                  int64_t c, int64_t n) {
  const auto pre = hn::MulAdd(centered, hn::LoadU(d, row.scale + c), hn::LoadU(d, row.offset + c));
  if constexpr (residual) return hn::Add(pre, load<whole>(d, row.residual + at, n));
  return pre;
}

/// dy, or 0 where the ReLU cut the value off (a NaN was not passed on either).
template <bool relu, bool residual, bool whole, class D, class T>
HWY_INLINE hn::Vec<D> through_relu(D d, hn::Vec<D> dy, hn::Vec<D> centered, const NormRow<T>& row,
                                   int64_t at, int64_t c, int64_t n) {
  if constexpr (!relu) return dy;
  const auto pre = before_relu<residual, whole>(d, centered, row, at, c, n);
  return hn::IfThenElseZero(hn::Gt(pre, hn::Zero(d)), dy);
}

/// Calls f<relu, residual>().
template <class T, class F>
HWY_INLINE void with_options(const NormRow<T>& row, const F& f) {
  if (row.relu && row.residual) return f.template operator()<true, true>();
  if (row.relu) return f.template operator()<true, false>();
  if (row.residual) return f.template operator()<false, true>();
  f.template operator()<false, false>();
}

/// Rows of n values, `width` apart.
template <bool relu, bool residual, bool whole, class T>
void normalize_rows(int64_t rows, int64_t width, int64_t n, const T* x, const NormRow<T>& row,
                    T* y) {
  const hn::ScalableTag<compute_t<T>> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < n; c += lanes) {
      const int64_t at = r * width + c;
      const auto centered = hn::Sub(load<whole>(d, x + at, n - c), hn::LoadU(d, row.mean + c));
      auto v = before_relu<residual, whole>(d, centered, row, at, c, n - c);
      if constexpr (relu)  // a NaN stays
        v = hn::IfThenElse(hn::Le(v, hn::Zero(d)), hn::Zero(d), v);
      store<whole>(d, v, y + at, n - c);
    }
}

/// `row` for the values behind the last whole row.
template <class T>
HWY_INLINE NormRow<T> tail_of(NormRow<T> row, int64_t values_before) {
  if (row.residual) row.residual += values_before;
  return row;
}

template <class T>
void normalize(int64_t rows, int64_t width, int64_t tail, const T* x, const NormRow<T>& row, T* y) {
  const int64_t before = rows * width;
  with_options(row, [&]<bool relu, bool residual>() {
    normalize_rows<relu, residual, true>(rows, width, width, x, row, y);
    normalize_rows<relu, residual, false>(1, width, tail, x + before, tail_of(row, before),
                                          y + before);
  });
}

template <bool relu, bool residual, bool whole, class T>
void gradient_sums_of_rows(int64_t rows, int64_t width, int64_t n, const T* x, const T* dy,
                           const NormRow<T>& row, const double* shift, double* sum,
                           double* product) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<compute_t<T>, decltype(d)> t;  // as many values in their own precision
  constexpr int64_t lanes = hn::MaxLanes(d);
  constexpr int64_t vectors = block / lanes;
  for (int64_t start = 0; start < rows; start += rows_at_a_time) {
    const int64_t end = std::min(rows, start + rows_at_a_time);
    for (int64_t c = 0; c < n; c += block) {
      hn::Vec<decltype(d)> s[vectors], q[vectors], base[vectors];
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        base[v] = hn::LoadU(d, shift + c + v * lanes);
        s[v] = hn::LoadU(d, sum + c + v * lanes);
        q[v] = hn::LoadU(d, product + c + v * lanes);
      }
      for (int64_t r = start; r < end; ++r) {
        HWY_UNROLL(8)
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t column = c + v * lanes, at = r * width + column, left = n - column;
          const auto value = load<whole>(t, x + at, left);
          auto g = load<whole>(t, dy + at, left);
          if constexpr (relu)
            g = through_relu<true, residual, whole>(
                t, g, hn::Sub(value, hn::LoadU(t, row.mean + column)), row, at, column, left);
          const auto g64 = in_f64(d, g);
          s[v] = hn::Add(s[v], g64);
          q[v] = hn::MulAdd(g64, hn::Sub(in_f64(d, value), base[v]), q[v]);
        }
      }
      HWY_UNROLL(8)
      for (int64_t v = 0; v < vectors; ++v) {
        hn::StoreU(s[v], d, sum + c + v * lanes);
        hn::StoreU(q[v], d, product + c + v * lanes);
      }
    }
  }
}

template <class T>
void gradient_sums(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                   const NormRow<T>& row, const double* shift, double* sum, double* product) {
  const int64_t before = rows * width;
  with_options(row, [&]<bool relu, bool residual>() {
    gradient_sums_of_rows<relu, residual, true>(rows, width, width, x, dy, row, shift, sum,
                                                product);
    gradient_sums_of_rows<relu, residual, false>(1, width, tail, x + before, dy + before,
                                                 tail_of(row, before), shift, sum, product);
  });
}

template <bool relu, bool residual, bool whole, class T>
void backward_input_of_rows(int64_t rows, int64_t width, int64_t n, const T* x, const T* dy,
                            const NormRow<T>& row, const compute_t<T>* slope,
                            const compute_t<T>* lift, T* dx, T* dresidual) {
  const hn::ScalableTag<compute_t<T>> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < n; c += lanes) {
      const int64_t at = r * width + c, left = n - c;
      const auto centered = hn::Sub(load<whole>(d, x + at, left), hn::LoadU(d, row.mean + c));
      const auto g = through_relu<relu, residual, whole>(d, load<whole>(d, dy + at, left), centered,
                                                         row, at, c, left);
      if (dx) {
        const auto means = hn::MulAdd(hn::LoadU(d, slope + c), centered, hn::LoadU(d, lift + c));
        store<whole>(d, hn::MulSub(hn::LoadU(d, row.scale + c), g, means), dx + at, left);
      }
      if (dresidual) store<whole>(d, g, dresidual + at, left);
    }
}

template <class T>
void backward_input(int64_t rows, int64_t width, int64_t tail, const T* x, const T* dy,
                    const NormRow<T>& row, const compute_t<T>* slope, const compute_t<T>* lift,
                    T* dx, T* dresidual) {
  const int64_t before = rows * width;
  with_options(row, [&]<bool relu, bool residual>() {
    backward_input_of_rows<relu, residual, true>(rows, width, width, x, dy, row, slope, lift, dx,
                                                 dresidual);
    backward_input_of_rows<relu, residual, false>(
        1, width, tail, x + before, dy + before, tail_of(row, before), slope, lift,
        dx ? dx + before : nullptr, dresidual ? dresidual + before : nullptr);
  });
}

template <class T>
NormTiles<T> tiles() {
  return {.moments = moments<T>,
          .normalize = normalize<T>,
          .gradient_sums = gradient_sums<T>,
          .backward_input = backward_input<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(NormTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
PIXELGRAD_BEST_ACTIVATION_TILES(NormTiles)
}  // namespace

template <class T>
NormTiles<T> norm_tiles() {
  return best_tiles<T>();
}
template NormTiles<float> norm_tiles<float>();
template NormTiles<double> norm_tiles<double>();
template NormTiles<bf16> norm_tiles<bf16>();

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE
