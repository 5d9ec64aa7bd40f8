#pragma once
#include <type_traits>

#include "tensor/cuda/conv2d_axis.h"
#include "tensor/cuda/conv2d_problem.h"
#include "tensor/cuda/conv2d_tile.h"
#include "tensor/cuda/scratch.h"

// Forward and input gradient as a product of matrices (an "implicit GEMM"):
//
//     y[pixel, co] = sum over k of a[k, pixel] * b[k, co],    k = (input, tap row, tap column, ci)
//
// a[k, pixel] is what the tap reads of the input's channel ci for the pixel, b[k, co] its weight.
// The pixels of a tile are neighbours in memory, wherever rows and images end. In the input
// gradient, "input" is dy, co runs over the channels of dx, and the pixels are those of one phase.
namespace pixelgrad::cuda::taps {

/// How the work is cut: one block for each tile of pixels x channels, of each phase, group and part
/// of the sum.
struct Cut {
  int channel_tiles, pixel_tiles, phases, groups, parts;
};

template <class T>
struct Task {
  TapProblem<T> p;
  Cut cut;
  compute_t<T>* partial;  ///< for more than one part: [part] of y's size
};

/// What a pixel's tap (0, 0) reads.
struct alignas(16) Read {
  int y, x;   ///< may lie outside the image
  int image;  ///< number of the image's first pixel
};

/// What a block computes. It lies in shared memory: there are too few registers for values that
/// are the same for all threads.
template <class Tile, bool gradient>
struct Place {
  int first_channel, first_pixel, group, part;
  AxisTaps rows, columns;
  int read_h, read_w;
  int pixels;         ///< of the phase, in all images
  int channels;       ///< written ones of the group
  int begin, slices;  ///< k of the part
  Read reads[Tile::rows];

  /// By thread 0.
  template <class T>
  __device__ void find(const Task<T>& task) {
    const kernels::Conv2dGeometry& g = task.p.g;
    unsigned block = blockIdx.x;
    const auto next = [&](int count) {
      const int i = static_cast<int>(block % static_cast<unsigned>(count));
      block /= static_cast<unsigned>(count);
      return i;
    };
    first_channel = next(task.cut.channel_tiles) * Tile::columns;
    first_pixel = next(task.cut.pixel_tiles) * Tile::rows;
    const int phase = next(task.cut.phases);
    group = next(task.cut.groups);
    part = next(task.cut.parts);
    const int stride = static_cast<int>(g.stride_w);
    rows = gradient ? rows_of(g).input_gradient(phase / stride) : rows_of(g).forward();
    columns = gradient ? columns_of(g).input_gradient(phase % stride) : columns_of(g).forward();
    read_h = static_cast<int>(gradient ? g.out_h : g.in_h);
    read_w = static_cast<int>(gradient ? g.out_w : g.in_w);
    pixels = static_cast<int>(g.n) * rows.pixels * columns.pixels;
    const int in = static_cast<int>(g.in_channels / g.groups);
    const int out = static_cast<int>(g.out_channels / g.groups);
    channels = gradient ? in : out;
    const int depth = rows.taps * columns.taps * (gradient ? out : in);
    const int all = (depth + Tile::depth - 1) / Tile::depth;
    const int each = (all + task.cut.parts - 1) / task.cut.parts;
    begin = part * each * Tile::depth;
    slices = part * each < all ? (all - part * each < each ? all - part * each : each) : 0;
  }

  /// By all threads.
  __device__ void find_reads() {
    for (int i = static_cast<int>(threadIdx.x); i < Tile::rows; i += Tile::threads) {
      const int pixel = first_pixel + i;
      const int image = pixel / columns.pixels / rows.pixels;
      const int row = pixel / columns.pixels % rows.pixels, column = pixel % columns.pixels;
      constexpr int outside = -(1 << 30);  // no tap leads from there into the image
      reads[i].y = pixel < pixels ? row * rows.read_stride + rows.read_first : outside;
      reads[i].x = column * columns.read_stride + columns.read_first;
      reads[i].image = image * read_h * read_w;
    }
  }
};

/// A place in the sum that goes from k to k. Inputs follow one another; each has its taps, and each
/// tap its channels.
struct Walk {
  int input = 0, row = 0, column = 0, channel = 0;
  int channels = 0;  ///< of the input, in one group
  int before = 0;    ///< channels of the inputs before it

  template <class T>
  __device__ void start(const TapProblem<T>& p, const AxisTaps& rows, const AxisTaps& columns,
                        int k) {
    const int taps = rows.taps * columns.taps, groups = static_cast<int>(p.g.groups);
    const bool one = p.input_count == 1;
    for (; input < p.input_count; ++input) {
      channels = static_cast<int>(p.inputs[input].channels) / (one ? groups : 1);
      if (k < taps * channels) break;
      k -= taps * channels;
      before += channels;
    }
    if (input == p.input_count) return;
    row = k / channels / columns.taps;
    column = k / channels % columns.taps;
    channel = k % channels;
  }

  template <class T>
  __device__ void advance(const TapProblem<T>& p, const AxisTaps& rows, const AxisTaps& columns,
                          int by) {
    channel += by;
    while (input < p.input_count && channel >= channels) {
      channel -= channels;
      if (++column < columns.taps) continue;
      column = 0;
      if (++row < rows.taps) continue;
      row = 0;
      before += channels;
      if (++input < p.input_count) channels = static_cast<int>(p.inputs[input].channels);
    }
  }
};

template <class Tile, int V, bool gradient>
class TapOperands {
  using T = typename Tile::Value;

 public:
  using A = AlongDepth<Tile, V, Tile::rows>;
  // The weights of one tap are [co, ci] with a stride between the co. Forward multiplies by rows of
  // ci: neighbours are along k. The gradient multiplies by the transposed matrix.
  using B = std::conditional_t<gradient, AcrossDepth<Tile, V, Tile::columns>,
                               AlongDepth<Tile, V, Tile::columns>>;

  __device__ TapOperands(const TapProblem<T>& p, const Place<Tile, gradient>& place)
      : p_(p), place_(place) {
    a_.start(p, place.rows, place.columns, place.begin + A::k());
    if (gradient) b_.start(p, place.rows, place.columns, place.begin + B::k());
  }

  __device__ void advance() {
    a_.advance(p_, place_.rows, place_.columns, Tile::depth);
    if (gradient) b_.advance(p_, place_.rows, place_.columns, Tile::depth);
  }

  template <class F>
  __device__ void for_each_a(const F& f) const {
    const bool any = a_.input < p_.input_count;
    const auto& input = p_.inputs[any ? a_.input : 0];
    const T* from = input.x + place_.group * a_.channels + a_.channel;
    const int dy = a_.row * place_.rows.read_step, dx = a_.column * place_.columns.read_step;
    PIXELGRAD_UNROLL_LOADS
    for (int i = 0; i < A::count; ++i) {
      if (!A::has(i)) continue;
      const Read read = place_.reads[A::at(i)];
      const int y = read.y + dy, x = read.x + dx;
      const bool inside = any && y >= 0 && y < place_.read_h && x >= 0 && x < place_.read_w;
      f(i, inside ? from + (read.image + y * place_.read_w + x) * input.channels : nullptr);
    }
  }

  template <class F>
  __device__ void for_each_b(const F& f) const {
    const kernels::Conv2dGeometry& g = p_.g;
    const Walk& k = gradient ? b_ : a_;  // along k, both operands are at the same
    const bool any = k.input < p_.input_count;
    const int r = place_.rows.weight_first + k.row * place_.rows.weight_step;
    const int s = place_.columns.weight_first + k.column * place_.columns.weight_step;
    const int64_t tap = (r * g.kernel_w + s) * p_.weight_row;
    const int64_t an_output = g.kernel_h * g.kernel_w * p_.weight_row;
    const int64_t first_output = place_.group * (g.out_channels / g.groups);
    const T* from = p_.weight + tap +
                    (gradient ? (first_output + k.channel) * an_output
                              : first_output * an_output + k.before + k.channel);
    PIXELGRAD_UNROLL_LOADS
    for (int i = 0; i < B::count; ++i) {
      if (!B::has(i)) continue;
      const int channel = place_.first_channel + B::at(i);
      f(i,
        any && channel < place_.channels ? from + channel * (gradient ? 1 : an_output) : nullptr);
    }
  }

  __device__ const T* anything() const { return p_.weight; }

 private:
  const TapProblem<T>& p_;
  const Place<Tile, gradient>& place_;
  Walk a_, b_;
};

template <class Tile, int V, bool gradient>
__global__ void __launch_bounds__(Tile::threads, Tile::blocks_at_once)
    kernel(Task<typename Tile::Value> task) {
  using T = typename Tile::Value;
  using Sum = compute_t<T>;
  __shared__ Place<Tile, gradient> place;
  if (threadIdx.x == 0) place.find(task);
  __syncthreads();
  if (place.first_pixel >= place.pixels) return;  // a phase may have fewer pixels than others
  place.find_reads();
  __syncthreads();
  typename Tile::Sums sums;
  {
    TapOperands<Tile, V, gradient> operands(task.p, place);
    Tile::multiply(operands, place.slices, sums);
  }
  const TapProblem<T>& p = task.p;
  const kernels::Conv2dGeometry& g = p.g;
  const int64_t write_h = gradient ? g.in_h : g.out_h, write_w = gradient ? g.in_w : g.out_w;
  const int64_t all_channels = gradient ? g.in_channels : g.out_channels;
  const bool whole = task.cut.parts == 1;
  constexpr int stored = V < Tile::column_neighbours ? V : Tile::column_neighbours;  // at once
  Sum* partial =
      whole ? nullptr : task.partial + place.part * (g.n * write_h * write_w * all_channels);
  const auto store = [&]<class Out>(Out* y) {
    PIXELGRAD_UNROLL
    for (int i = 0; i < Tile::lane_rows; ++i) {
      const int pixel = place.first_pixel + Tile::row(i);
      if (pixel >= place.pixels) continue;
      const AxisTaps &rows = place.rows, &columns = place.columns;
      const int image = pixel / columns.pixels / rows.pixels;
      const int row = pixel / columns.pixels % rows.pixels, column = pixel % columns.pixels;
      Out* to = y + ((image * write_h + rows.write_first + row * rows.write_step) * write_w +
                     columns.write_first + column * columns.write_step) *
                        all_channels;
      PIXELGRAD_UNROLL
      for (int j = 0; j < Tile::lane_columns; j += stored) {
        const int in_group = place.first_channel + Tile::column(j);
        if (in_group >= place.channels) continue;
        const int channel = place.group * place.channels + in_group;
        Pack<Sum, stored> pack;
        for (int v = 0; v < stored; ++v) pack.v[v] = sums[i][j + v];
        if (whole && p.bias)
          for (int v = 0; v < stored; ++v) pack.v[v] += p.bias[channel + v];
        if (whole && p.add) {
          const auto before = load_pack<stored>(to + channel);
          for (int v = 0; v < stored; ++v) pack.v[v] += before.v[v];
        }
        Pack<Out, stored> rounded;
        for (int v = 0; v < stored; ++v) rounded.v[v] = static_cast<Out>(pack.v[v]);
        store_pack(to + channel, rounded);
      }
    }
  };
  if constexpr (std::is_same_v<T, Sum>)
    store(whole ? p.y : partial);
  else if (whole)
    store(p.y);
  else
    store(partial);
}

template <class Tile, int V, bool gradient>
void run_tiles(const TapProblem<typename Tile::Value>& p) {
  using T = typename Tile::Value;
  const kernels::Conv2dGeometry& g = p.g;
  // The first phase has the most pixels.
  const int64_t pixels = gradient
                             ? g.n * ceil_div(g.in_h, g.stride_h) * ceil_div(g.in_w, g.stride_w)
                             : g.n * g.out_h * g.out_w;
  const int64_t phases = gradient ? g.stride_h * g.stride_w : 1;
  const int64_t write_channels = gradient ? g.in_channels : g.out_channels;
  const int64_t read_channels = gradient ? g.out_channels : g.in_channels;
  const int64_t channel_tiles = ceil_div(write_channels / g.groups, Tile::columns);
  const int64_t pixel_tiles = ceil_div(pixels, Tile::rows);
  const int64_t tiles = channel_tiles * pixel_tiles * phases * g.groups;
  const int64_t parts =
      parts_of_sums(tiles, g.kernel_h * g.kernel_w * read_channels / g.groups / phases, 256);
  const char* op = gradient ? "conv2d_backward_input" : "conv2d_forward";
  const Cut cut{static_cast<int>(channel_tiles), static_cast<int>(pixel_tiles),
                static_cast<int>(phases), static_cast<int>(g.groups), static_cast<int>(parts)};
  const auto run = [&](compute_t<T>* partial) {
    launch_tiles<Tile, TapOperands<Tile, V, gradient>>(op, tiles * parts, kernel<Tile, V, gradient>,
                                                       Task<T>{p, cut, partial});
  };
  if (parts == 1) return run(nullptr);
  const int64_t size =
      (gradient ? g.n * g.in_h * g.in_w : g.n * g.out_h * g.out_w) * write_channels;
  Scratch<compute_t<T>> partial(parts * size);
  run(partial.data());
  add_parts<T>({size, parts, partial.data(), write_channels, write_channels, p.bias, p.add, p.y});
}

template <kernels::Precision P, bool gradient, class T>
void run(const TapProblem<T>& p) {
  constexpr int V = 16 / sizeof(T);
  const kernels::Conv2dGeometry& g = p.g;
  bool vectors = g.in_channels / g.groups % V == 0 && g.out_channels / g.groups % V == 0 &&
                 p.weight_row % V == 0 && is_aligned<V>(p.weight) && is_aligned<V>(p.y);
  for (int i = 0; i < p.input_count; ++i)
    vectors = vectors && p.inputs[i].channels % V == 0 && is_aligned<V>(p.inputs[i].x);
  const int64_t columns = (gradient ? g.in_channels : g.out_channels) / g.groups;
  if (vectors) with_tile<P, T>(columns, [&]<class Tile>() { run_tiles<Tile, V, gradient>(p); });
  // Copies of single values take four times the addresses, for which the wide tile has no
  // registers.
  else if (columns <= 32)
    run_tiles<typename Tiles<P, T>::Narrow, 1, gradient>(p);
  else
    run_tiles<typename Tiles<P, T>::Middle, 1, gradient>(p);
}

}  // namespace pixelgrad::cuda::taps

namespace pixelgrad::cuda {

template <kernels::Precision P, class T>
void run_forward(const TapProblem<T>& problem) {
  taps::run<P, false>(problem);
}

template <kernels::Precision P, class T>
void run_input_gradient(const TapProblem<T>& problem) {
  taps::run<P, true>(problem);
}

}  // namespace pixelgrad::cuda
