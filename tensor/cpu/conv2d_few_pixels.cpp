#include "tensor/cpu/conv2d_few_pixels.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tensor/cpu/read_ahead.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_few_pixels.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_registers-inl.h"  // after the target is set

// Products of the weight matrix with a handful of pixels. The other kernels pack weights to use
// them many times; here they are used so few times that the packing would take longer than the
// product. So weights are read (or written) where they are, in the order of memory, and vectors lie
// along their rows: in the forward a row times a pixel is a sum of vectors, added up at the end.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

/// Rows and columns of a tile of sums; of 32 registers, or of 16.
constexpr int tile_rows = max_tile<2> == 14 ? 6 : 3;
constexpr int tile_cols = max_tile<2> == 14 ? 4 : 3;

/// c[m][lane] = start[m][lane] + sum over k of a[m, k] * b[k][lane].
template <class T>
struct Product {
  const T* a;
  int64_t a_row, a_k;
  const T* b;
  int64_t b_k;
  int64_t length;  ///< of the sums
  const T* start;  ///< null: 0
  int64_t start_row;
  T* c;
  int64_t c_row;
};

/// M rows and K vectors.
template <int M, int K, class T>
void product_tile(const Product<T>& p) {
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sum[M][K];
  HWY_UNROLL(16)
  for (int m = 0; m < M; ++m)
    for (int k = 0; k < K; ++k) sum[m][k] = hn::Zero(d);
  const T* HWY_RESTRICT a = p.a;
  const T* HWY_RESTRICT b = p.b;
  for (int64_t i = 0; i < p.length; ++i) {
    hn::Vec<decltype(d)> row[K];
    for (int k = 0; k < K; ++k) row[k] = hn::LoadU(d, b + k * lanes<T>);
    mul_add_tile<M, K>(d, a, p.a_row, row, sum);
    a += p.a_k;
    b += p.b_k;
  }
  HWY_UNROLL(16)
  for (int m = 0; m < M; ++m)
    for (int k = 0; k < K; ++k) {
      if (p.start)
        sum[m][k] = hn::Add(hn::LoadU(d, p.start + m * p.start_row + k * lanes<T>), sum[m][k]);
      hn::StoreU(sum[m][k], d, p.c + m * p.c_row + k * lanes<T>);
    }
}

template <class T>
using ProductTile = void (*)(const Product<T>&);

template <class T, int K, size_t... m>
constexpr std::array<ProductTile<T>, sizeof...(m)> product_tiles(std::index_sequence<m...>) {
  return {&product_tile<m + 1, K, T>...};
}

/// `rows` x `cols` values of c, tile by tile; columns are whole vectors.
template <class T>
void product(Product<T> p, int64_t rows, int64_t cols, ReadAhead& next) {
  static constexpr auto wide = product_tiles<T, tile_cols>(std::make_index_sequence<tile_rows>());
  static constexpr auto narrow = product_tiles<T, 1>(std::make_index_sequence<tile_rows>());
  const int64_t tiles = ceil_div(rows, tile_rows);
  next.spread(tiles * ceil_div(cols, tile_cols * lanes<T>));
  for (int64_t col = 0; col < cols;) {
    const bool fits = cols - col >= tile_cols * lanes<T>;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t begin = rows * t / tiles, end = rows * (t + 1) / tiles;
      Product<T> q = p;
      q.a += begin * p.a_row;
      q.b += col;
      if (q.start) q.start += begin * p.start_row + col;
      q.c += begin * p.c_row + col;
      (fits ? wide : narrow)[end - begin - 1](q);
      next.fetch();
    }
    col += (fits ? tile_cols : 1) * lanes<T>;
  }
}

/// y[n] = bias[n] + the dot products of N rows of w with M pixels of x.
template <int M, int N, class T>
void dot_tile(const T* x, int64_t x_step, const T* w, int64_t w_step, int64_t length, const T* bias,
              T* y, int64_t y_step) {
  const hn::ScalableTag<T> d;
  hn::Vec<decltype(d)> sum[M][N];
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) sum[m][n] = hn::Zero(d);
  for (int64_t i = 0; i < length; i += lanes<T>) {
    hn::Vec<decltype(d)> row[N];
    for (int n = 0; n < N; ++n) row[n] = hn::LoadU(d, w + n * w_step + i);
    HWY_UNROLL(8)
    for (int m = 0; m < M; ++m) {
      const auto pixel = hn::LoadU(d, x + m * x_step + i);
      for (int n = 0; n < N; ++n) sum[m][n] = hn::MulAdd(pixel, row[n], sum[m][n]);
    }
  }
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n)
      y[m * y_step + n] = (bias ? bias[n] : T{0}) + hn::GetLane(hn::SumOfLanes(d, sum[m][n]));
}

template <class T>
using DotTile = void (*)(const T*, int64_t, const T*, int64_t, int64_t, const T*, T*, int64_t);

template <class T, int N, size_t... m>
constexpr std::array<DotTile<T>, sizeof...(m)> dot_tiles(std::index_sequence<m...>) {
  return {&dot_tile<m + 1, N, T>...};
}

/// A task has some 128 KiB of the weights.
int64_t tasks_for(int64_t weights, int64_t bytes_each) {
  return std::clamp<int64_t>(weights * bytes_each / (128 * 1024), 1, 64);
}

/// Output channels x input channels, a row of weights for each output: the forward.
template <class T>
void dot_products(const TapConvolution& c, const T* x, const T* weight, const T* bias, T* y) {
  static constexpr auto wide = dot_tiles<T, tile_cols>(std::make_index_sequence<tile_rows>());
  static constexpr auto narrow = dot_tiles<T, 1>(std::make_index_sequence<tile_rows>());
  const int64_t pixels = c.cols, tiles = ceil_div(pixels, tile_rows);
  const int64_t groups = ceil_div(c.out_channels, tile_cols);
  const int64_t tasks = std::min(groups, tasks_for(c.in_channels * c.out_channels, sizeof(T)));
  const int64_t step = c.sources[0].pixel;
  parallel_for(tasks, [&](int64_t task) {
    const int64_t end = std::min(groups * (task + 1) / tasks * tile_cols, c.out_channels);
    for (int64_t out = groups * task / tasks * tile_cols; out < end;) {
      const bool fits = end - out >= tile_cols;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t from = pixels * t / tiles, to = pixels * (t + 1) / tiles;
        (fits ? wide : narrow)[to - from - 1](
            x + from * step, step, weight + out * c.weight_out, c.weight_out, c.in_channels,
            bias ? bias + out : nullptr, y + from * c.y_pixel + out, c.y_pixel);
      }
      out += fits ? tile_cols : 1;
    }
  });
}

/// A row of weights for each input: the input gradient. Some rows at a time, and the next ones are
/// read meanwhile: they lie on pages of their own, which no hardware reads ahead of.
template <class T>
void row_sums(const TapConvolution& c, const T* x, const T* weight, const T* bias, T* y) {
  constexpr int64_t rows = 32;
  const int64_t width = tile_cols * lanes<T>, panels = ceil_div(c.out_channels, width);
  const int64_t tasks =
      std::min(ceil_div(panels, 4), tasks_for(c.in_channels * c.out_channels, sizeof(T)));
  parallel_for(tasks, [&](int64_t task) {
    const int64_t begin = panels * task / tasks * width;
    const int64_t end = std::min(panels * (task + 1) / tasks * width, c.out_channels);
    for (int64_t row = 0; row < c.in_channels; row += rows) {
      const int64_t count = std::min(rows, c.in_channels - row);
      ReadAhead next;
      next.add(weight + (row + rows) * c.weight_in + begin, (end - begin) * int64_t{sizeof(T)},
               c.weight_in * int64_t{sizeof(T)}, std::min(rows, c.in_channels - row - rows));
      product<T>({.a = x + row,
                  .a_row = c.sources[0].pixel,
                  .a_k = 1,
                  .b = weight + row * c.weight_in + begin,
                  .b_k = c.weight_in,
                  .length = count,
                  .start = row == 0 ? bias ? bias + begin : nullptr : y + begin,
                  .start_row = row == 0 ? 0 : c.y_pixel,
                  .c = y + begin,
                  .c_row = c.y_pixel},
                 c.cols, end - begin, next);
    }
  });
}

template <class T>
void run(const TapConvolution& c, const T* x, const T* weight, const T* bias, T* y) {
  weight += c.taps[0].weight;
  y += c.y_offset;
  if (c.weight_in == 1)
    dot_products(c, x, weight, bias, y);
  else
    row_sums(c, x, weight, bias, y);
}

template <class T>
void weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy, T* dweight) {
  const int64_t in = g.in_channels / g.groups, out = g.out_channels / g.groups;
  const int64_t groups = ceil_div(out, tile_rows);
  const int64_t tasks = std::min(groups, tasks_for(in * out, sizeof(T)));
  parallel_for(tasks, [&](int64_t task) {
    const int64_t end = std::min(groups * (task + 1) / tasks * tile_rows, out);
    ReadAhead nothing;
    for (int64_t row = groups * task / tasks * tile_rows; row < end; row += tile_rows)
      product<T>({.a = dy + row,
                  .a_row = 1,
                  .a_k = g.out_channels,
                  .b = x,
                  .b_k = g.in_channels,
                  .length = g.n * g.out_h * g.out_w,
                  .start = nullptr,
                  .start_row = 0,
                  .c = dweight + row * g.weight_row(),
                  .c_row = g.weight_row()},
                 std::min<int64_t>(tile_rows, end - row), in, nothing);
  });
}

void run_f32(const TapConvolution& c, const float* x, const float* weight, const float* bias,
             float* y) {
  run<float>(c, x, weight, bias, y);
}
void run_f64(const TapConvolution& c, const double* x, const double* weight, const double* bias,
             double* y) {
  run<double>(c, x, weight, bias, y);
}
void gradient_f32(const kernels::Conv2dGeometry& g, const float* x, const float* dy,
                  float* dweight) {
  weight_gradient<float>(g, x, dy, dweight);
}
void gradient_f64(const kernels::Conv2dGeometry& g, const double* x, const double* dy,
                  double* dweight) {
  weight_gradient<double>(g, x, dy, dweight);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {

HWY_EXPORT(run_f32);
HWY_EXPORT(run_f64);
HWY_EXPORT(gradient_f32);
HWY_EXPORT(gradient_f64);

bool has_few_pixels(const TapConvolution& c) {
  constexpr int64_t most_lanes = 16;
  const int64_t whole_vectors = c.weight_in == 1 ? c.in_channels : c.out_channels;
  const bool pointwise = c.taps.size() == 1 && c.taps[0].dy == 0 && c.taps[0].dx == 0 &&
                         c.stride_w == 1 && c.images == 1 && c.rows == 1 && c.in_h == 1 &&
                         c.cols == c.in_w;  // as flattened
  return pointwise && c.sources.size() == 1 && whole_vectors % most_lanes == 0 && c.cols <= 96;
}

template <>
void run_few_pixels<float>(const TapConvolution& c, const float* x, const float* weight,
                           const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(run_f32)(c, x, weight, bias, y);
}
template <>
void run_few_pixels<double>(const TapConvolution& c, const double* x, const double* weight,
                            const double* bias, double* y) {
  HWY_DYNAMIC_DISPATCH(run_f64)(c, x, weight, bias, y);
}
template <>
void few_pixels_weight_gradient<float>(const kernels::Conv2dGeometry& g, const float* x,
                                       const float* dy, float* dweight) {
  HWY_DYNAMIC_DISPATCH(gradient_f32)(g, x, dy, dweight);
}
template <>
void few_pixels_weight_gradient<double>(const kernels::Conv2dGeometry& g, const double* x,
                                        const double* dy, double* dweight) {
  HWY_DYNAMIC_DISPATCH(gradient_f64)(g, x, dy, dweight);
}

}  // namespace pixelgrad::cpu
#endif
