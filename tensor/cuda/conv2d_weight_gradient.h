#pragma once
#include <algorithm>

#include "tensor/cuda/conv2d_problem.h"
#include "tensor/cuda/conv2d_tile.h"
#include "tensor/cuda/scratch.h"

// The weight gradient as a product of matrices:
//
//     dweight[co, (r, s, ci)] = sum over pixels of a[pixel, (r, s, ci)] * b[pixel, co]
//
// a is the value of x that tap (r, s) reads for the output pixel, b is dy. Both have neighbours
// along the rows and columns of the tile, so unlike in forward nothing is transposed. The sum over
// the pixels is long and the tiles are few: it is cut into parts.
namespace pixelgrad::cuda::weight_gradient {

template <class T>
struct Task {
  kernels::Conv2dGeometry g;
  const T *x, *dy;
  int weight_tiles, channel_tiles, parts;
  compute_t<T>* to;   ///< dweight, or with parts [part, co, tap, ci]
  int64_t tap_step;   ///< values of `to` from one tap to the next
  int64_t part_step;  ///< and from one part to the next
};

/// What a weight's tap reads, from the pixel that tap (0, 0) of an image without padding reads.
struct alignas(16) Read {
  int y, x, channel;
};

/// What a block computes. It lies in shared memory: there are too few registers for values that
/// are the same for all threads.
template <class Tile>
struct Place {
  int first_weight, first_channel, group, part;
  int in, out;        ///< channels of the group
  int weights;        ///< of one output channel: taps * in
  int pixels;         ///< of all images
  int begin, slices;  ///< pixels of the part
  Read reads[Tile::rows];

  /// By thread 0.
  template <class T>
  __device__ void find(const Task<T>& task) {
    unsigned block = blockIdx.x;
    const auto next = [&](int count) {
      const int i = static_cast<int>(block % static_cast<unsigned>(count));
      block /= static_cast<unsigned>(count);
      return i;
    };
    const kernels::Conv2dGeometry& g = task.g;
    first_weight = next(task.weight_tiles) * Tile::rows;
    first_channel = next(task.channel_tiles) * Tile::columns;
    part = next(task.parts);
    group = static_cast<int>(block);
    in = static_cast<int>(g.in_channels / g.groups);
    out = static_cast<int>(g.out_channels / g.groups);
    weights = static_cast<int>(g.kernel_h * g.kernel_w) * in;
    pixels = static_cast<int>(g.n * g.out_h * g.out_w);
    const int all = (pixels + Tile::depth - 1) / Tile::depth;
    const int each = (all + task.parts - 1) / task.parts;
    begin = part * each * Tile::depth;
    slices = part * each < all ? (all - part * each < each ? all - part * each : each) : 0;
  }

  /// By all threads.
  __device__ void find_reads(const kernels::Conv2dGeometry& g) {
    for (int i = static_cast<int>(threadIdx.x); i < Tile::rows; i += Tile::threads) {
      const int weight = first_weight + i, tap = weight / in;
      const int kernel_w = static_cast<int>(g.kernel_w);
      constexpr int outside = -(1 << 30);  // no pixel leads from there into the image
      reads[i].y = weight < weights ? tap / kernel_w * static_cast<int>(g.dilation_h) -
                                          static_cast<int>(g.pad_top)
                                    : outside;
      reads[i].x = tap % kernel_w * static_cast<int>(g.dilation_w) - static_cast<int>(g.pad_left);
      reads[i].channel = weight % in;
    }
  }
};

template <class Tile, int V>
class WeightGradientOperands {
  using T = typename Tile::Value;

 public:
  using A = AcrossDepth<Tile, V, Tile::rows>;
  using B = AcrossDepth<Tile, V, Tile::columns>;

  __device__ WeightGradientOperands(const Task<T>& task, const Place<Tile>& place)
      : task_(task), place_(place) {
    const kernels::Conv2dGeometry& g = task.g;
    const int out_h = static_cast<int>(g.out_h), out_w = static_cast<int>(g.out_w);
    pixel_ = place.begin + A::k();
    column_ = pixel_ % out_w;
    row_ = pixel_ / out_w % out_h;
    image_ = pixel_ / out_w / out_h;
  }

  __device__ void advance() {
    const int out_h = static_cast<int>(task_.g.out_h), out_w = static_cast<int>(task_.g.out_w);
    pixel_ += Tile::depth;
    column_ += Tile::depth;
    while (column_ >= out_w) {
      column_ -= out_w;
      if (++row_ == out_h) {
        row_ = 0;
        ++image_;
      }
    }
  }

  template <class F>
  __device__ void for_each_a(const F& f) const {
    const kernels::Conv2dGeometry& g = task_.g;
    const int in_h = static_cast<int>(g.in_h), in_w = static_cast<int>(g.in_w);
    const int y = row_ * static_cast<int>(g.stride_h), x = column_ * static_cast<int>(g.stride_w);
    const int image = image_ * in_h * in_w;
    const T* from = task_.x + place_.group * place_.in;
    PIXELGRAD_UNROLL_LOADS
    for (int i = 0; i < A::count; ++i) {
      if (!A::has(i)) continue;
      const Read read = place_.reads[A::at(i)];
      const int iy = y + read.y, ix = x + read.x;
      const bool inside = pixel_ < place_.pixels && iy >= 0 && iy < in_h && ix >= 0 && ix < in_w;
      f(i, inside ? from + (image + iy * in_w + ix) * g.in_channels + read.channel : nullptr);
    }
  }

  template <class F>
  __device__ void for_each_b(const F& f) const {
    const T* from = task_.dy + pixel_ * task_.g.out_channels + place_.group * place_.out;
    PIXELGRAD_UNROLL_LOADS
    for (int i = 0; i < B::count; ++i) {
      if (!B::has(i)) continue;
      const int channel = place_.first_channel + B::at(i);
      f(i, pixel_ < place_.pixels && channel < place_.out ? from + channel : nullptr);
    }
  }

  __device__ const T* anything() const { return task_.x; }

 private:
  const Task<T>& task_;
  const Place<Tile>& place_;
  int pixel_, image_, row_, column_;  // the output pixel of this thread's k
};

template <class Tile, int V>
__global__ void __launch_bounds__(Tile::threads, Tile::blocks_at_once)
    kernel(Task<typename Tile::Value> task) {
  using Sum = compute_t<typename Tile::Value>;
  __shared__ Place<Tile> place;
  if (threadIdx.x == 0) place.find(task);
  __syncthreads();
  place.find_reads(task.g);
  __syncthreads();
  typename Tile::Sums sums;
  {
    WeightGradientOperands<Tile, V> operands(task, place);
    Tile::multiply(operands, place.slices, sums);
  }
  constexpr int stored = V < Tile::row_neighbours ? V : Tile::row_neighbours;  // at once
  const int64_t taps = task.g.kernel_h * task.g.kernel_w;
  PIXELGRAD_UNROLL
  for (int i = 0; i < Tile::lane_rows; i += stored) {
    const int weight = place.first_weight + Tile::row(i);
    if (weight >= place.weights) continue;
    Sum* to = task.to + place.part * task.part_step + weight / place.in * task.tap_step +
              weight % place.in;
    PIXELGRAD_UNROLL
    for (int j = 0; j < Tile::lane_columns; ++j) {
      const int channel = place.first_channel + Tile::column(j);
      if (channel >= place.out) continue;
      Pack<Sum, stored> pack;
      for (int v = 0; v < stored; ++v) pack.v[v] = sums[i + v][j];
      store_pack(to + (place.group * place.out + channel) * taps * task.tap_step, pack);
    }
  }
}

template <class Tile, int V, class T>
void run_tiles(const kernels::Conv2dGeometry& g, const T* x, const T* dy, compute_t<T>* dweight) {
  const int64_t in = g.in_channels / g.groups, out = g.out_channels / g.groups;
  const int64_t taps = g.kernel_h * g.kernel_w, pixels = g.n * g.out_h * g.out_w;
  const int64_t weight_tiles = ceil_div(taps * in, Tile::rows);
  const int64_t channel_tiles = ceil_div(out, Tile::columns);
  const int64_t tiles = weight_tiles * channel_tiles * g.groups;
  // Sums of more terms would lose digits in f32.
  constexpr int64_t most_terms = 8192;
  const int64_t parts = std::max(parts_of_sums(tiles, pixels, 256), ceil_div(pixels, most_terms));
  Task<T> task{.g = g,
               .x = x,
               .dy = dy,
               .weight_tiles = static_cast<int>(weight_tiles),
               .channel_tiles = static_cast<int>(channel_tiles),
               .parts = static_cast<int>(parts),
               .to = dweight,
               .tap_step = g.weight_row(),
               .part_step = 0};
  const auto run = [&] {
    launch_tiles<Tile, WeightGradientOperands<Tile, V>>("conv2d_backward_weight", tiles * parts,
                                                        kernel<Tile, V>, task);
  };
  if (parts == 1) return run();
  const int64_t size = g.out_channels * taps * in;
  Scratch<compute_t<T>> partial(parts * size);
  task.to = partial.data();
  task.tap_step = in;
  task.part_step = size;
  run();
  add_parts<compute_t<T>>(
      {size, parts, partial.data(), in, g.weight_row(), nullptr, false, dweight});
}

}  // namespace pixelgrad::cuda::weight_gradient

namespace pixelgrad::cuda {

template <kernels::Precision P, class T>
void run_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy,
                         compute_t<T>* dweight) {
  constexpr int V = 16 / sizeof(T);
  const bool vectors = g.in_channels / g.groups % V == 0 && g.out_channels / g.groups % V == 0 &&
                       g.weight_row() % V == 0 && is_aligned<V>(x) && is_aligned<V>(dy) &&
                       is_aligned<V>(dweight);
  with_tile<P, T>(g.out_channels / g.groups, [&]<class Tile>() {
    vectors ? weight_gradient::run_tiles<Tile, V>(g, x, dy, dweight)
            : weight_gradient::run_tiles<Tile, 1>(g, x, dy, dweight);
  });
}

}  // namespace pixelgrad::cuda
