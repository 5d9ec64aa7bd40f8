// The transforms of F(2x2, 3x3), on vectors of channels (conv2d_winograd.h has the formulas).
// Included once per SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_CONV2D_WINOGRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_CONV2D_WINOGRAD_INL_H_
#undef PIXELGRAD_TENSOR_CPU_CONV2D_WINOGRAD_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_CONV2D_WINOGRAD_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "tensor/cpu/conv2d_registers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {

/// Products of a tile: its 4x4 transformed inputs, row by row.
inline constexpr int points = 16;

template <class T>
using Lane = hn::Vec<hn::ScalableTag<T>>;

/// B' d B
template <class T>
HWY_INLINE void transform_input(const Lane<T> (&d)[4][4], Lane<T> (&out)[4][4]) {
  Lane<T> t[4][4];
  HWY_UNROLL(4)
  for (int s = 0; s < 4; ++s) {
    t[0][s] = hn::Sub(d[0][s], d[2][s]);
    t[1][s] = hn::Add(d[1][s], d[2][s]);
    t[2][s] = hn::Sub(d[2][s], d[1][s]);
    t[3][s] = hn::Sub(d[1][s], d[3][s]);
  }
  HWY_UNROLL(4)
  for (int r = 0; r < 4; ++r) {
    out[r][0] = hn::Sub(t[r][0], t[r][2]);
    out[r][1] = hn::Add(t[r][1], t[r][2]);
    out[r][2] = hn::Sub(t[r][2], t[r][1]);
    out[r][3] = hn::Sub(t[r][1], t[r][3]);
  }
}

/// A' m A
template <class T>
HWY_INLINE void transform_output(const Lane<T> (&m)[4][4], Lane<T> (&y)[2][2]) {
  Lane<T> t[2][4];
  HWY_UNROLL(4)
  for (int s = 0; s < 4; ++s) {
    const Lane<T> sum = hn::Add(m[1][s], m[2][s]), difference = hn::Sub(m[1][s], m[2][s]);
    t[0][s] = hn::Add(m[0][s], sum);
    t[1][s] = hn::Sub(difference, m[3][s]);
  }
  HWY_UNROLL(2)
  for (int i = 0; i < 2; ++i) {
    y[i][0] = hn::Add(t[i][0], hn::Add(t[i][1], t[i][2]));
    y[i][1] = hn::Sub(hn::Sub(t[i][1], t[i][2]), t[i][3]);
  }
}

/// A dy A', the transposed of transform_output
template <class T>
HWY_INLINE void transform_output_gradient(const Lane<T> (&dy)[2][2], Lane<T> (&out)[4][4]) {
  Lane<T> t[4][2];
  HWY_UNROLL(2)
  for (int j = 0; j < 2; ++j) {
    t[0][j] = dy[0][j];
    t[1][j] = hn::Add(dy[0][j], dy[1][j]);
    t[2][j] = hn::Sub(dy[0][j], dy[1][j]);
    t[3][j] = hn::Neg(dy[1][j]);
  }
  HWY_UNROLL(4)
  for (int r = 0; r < 4; ++r) {
    out[r][0] = t[r][0];
    out[r][1] = hn::Add(t[r][0], t[r][1]);
    out[r][2] = hn::Sub(t[r][0], t[r][1]);
    out[r][3] = hn::Neg(t[r][1]);
  }
}

/// G g G'
template <class T>
HWY_INLINE void transform_weight(const Lane<T> (&g)[3][3], Lane<T> (&out)[4][4]) {
  const Lane<T> half = hn::Set(hn::ScalableTag<T>(), static_cast<T>(0.5));
  Lane<T> t[4][3];
  HWY_UNROLL(3)
  for (int s = 0; s < 3; ++s) {
    const Lane<T> ends = hn::Add(g[0][s], g[2][s]);
    t[0][s] = g[0][s];
    t[1][s] = hn::Mul(half, hn::Add(ends, g[1][s]));
    t[2][s] = hn::Mul(half, hn::Sub(ends, g[1][s]));
    t[3][s] = g[2][s];
  }
  HWY_UNROLL(4)
  for (int r = 0; r < 4; ++r) {
    const Lane<T> ends = hn::Add(t[r][0], t[r][2]);
    out[r][0] = t[r][0];
    out[r][1] = hn::Mul(half, hn::Add(ends, t[r][1]));
    out[r][2] = hn::Mul(half, hn::Sub(ends, t[r][1]));
    out[r][3] = t[r][2];
  }
}

/// G' u G, the transposed of transform_weight
template <class T>
HWY_INLINE void transform_weight_gradient(const Lane<T> (&u)[4][4], Lane<T> (&dg)[3][3]) {
  const Lane<T> half = hn::Set(hn::ScalableTag<T>(), static_cast<T>(0.5));
  Lane<T> t[3][4];
  HWY_UNROLL(4)
  for (int s = 0; s < 4; ++s) {
    const Lane<T> even = hn::Mul(half, hn::Add(u[1][s], u[2][s]));
    t[0][s] = hn::Add(u[0][s], even);
    t[1][s] = hn::Mul(half, hn::Sub(u[1][s], u[2][s]));
    t[2][s] = hn::Add(even, u[3][s]);
  }
  HWY_UNROLL(3)
  for (int r = 0; r < 3; ++r) {
    const Lane<T> even = hn::Mul(half, hn::Add(t[r][1], t[r][2]));
    dg[r][0] = hn::Add(t[r][0], even);
    dg[r][1] = hn::Mul(half, hn::Sub(t[r][1], t[r][2]));
    dg[r][2] = hn::Add(even, t[r][3]);
  }
}

/// Writes the 4x4 values of one vector of channels to their 16 points, `step` values apart.
template <class T>
HWY_INLINE void store_points(const Lane<T> (&v)[4][4], T* to, int64_t step) {
  const hn::ScalableTag<T> d;
  HWY_UNROLL(4)
  for (int r = 0; r < 4; ++r)
    for (int s = 0; s < 4; ++s) hn::StoreU(v[r][s], d, to + (4 * r + s) * step);
}

template <class T>
HWY_INLINE void load_points(const T* from, int64_t step, Lane<T> (&v)[4][4]) {
  const hn::ScalableTag<T> d;
  HWY_UNROLL(4)
  for (int r = 0; r < 4; ++r)
    for (int s = 0; s < 4; ++s) v[r][s] = hn::LoadU(d, from + (4 * r + s) * step);
}

/// The grid of tiles of 2x2 pixels over `images` images of rows x cols, counted row by row.
struct TileGrid {
  TileGrid(int64_t images, int64_t rows, int64_t cols)
      : tile_rows((rows + 1) / 2),
        tile_cols((cols + 1) / 2),
        count(images * tile_rows * tile_cols) {}

  struct Place {
    int64_t image, row, col;  ///< of the tile's first pixel
  };
  Place at(int64_t tile) const {
    const int64_t line = tile / tile_cols;
    return {line / tile_rows, 2 * (line % tile_rows), 2 * (tile % tile_cols)};
  }

  int64_t tile_rows, tile_cols, count;
};

/// An image tensor [images, rows, cols, channels], some channels of which are transformed.
template <class T>
struct TileSource {
  const T* data;  ///< the first of the channels
  int64_t rows, cols, pixel, channels;
};

/// Transforms the S x S pixels from (row, col) on, which may lie outside the image, where they are
/// 0: writes round_up(channels) values of each point, zeros behind the last channel.
/// transform(d, out) is one of those above.
template <int S, class T, class Transform>
HWY_INLINE void transform_tile(const TileSource<T>& x, int64_t image, int64_t row, int64_t col,
                               const T* zeros, const Transform& transform, T* to, int64_t step) {
  const hn::ScalableTag<T> d;
  const T* pixel[S][S];
  for (int r = 0; r < S; ++r)
    for (int s = 0; s < S; ++s) {
      const bool inside = static_cast<uint64_t>(row + r) < static_cast<uint64_t>(x.rows) &&
                          static_cast<uint64_t>(col + s) < static_cast<uint64_t>(x.cols);
      pixel[r][s] =
          inside ? x.data + ((image * x.rows + row + r) * x.cols + col + s) * x.pixel : zeros;
    }
  Lane<T> in[S][S], out[4][4];
  int64_t c = 0;
  for (; c + lanes<T> <= x.channels; c += lanes<T>) {
    HWY_UNROLL(4)
    for (int r = 0; r < S; ++r)
      for (int s = 0; s < S; ++s) in[r][s] = hn::LoadU(d, pixel[r][s] + c);
    transform(in, out);
    store_points<T>(out, to + c, step);
  }
  if (c == x.channels) return;
  alignas(64) T rest[lanes<T>] = {};
  for (int r = 0; r < S; ++r)
    for (int s = 0; s < S; ++s) {
      std::copy(pixel[r][s] + c, pixel[r][s] + x.channels, rest);
      in[r][s] = hn::LoadU(d, rest);
    }
  transform(in, out);
  store_points<T>(out, to + c, step);
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
