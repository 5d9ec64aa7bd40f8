#include "tensor/cuda/conv2d_axis.h"
#include "tensor/cuda/conv2d_problem.h"
#include "tensor/cuda/conv2d_tile.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"

// Forward and input gradient as a product of matrices (an "implicit GEMM"):
//
//     y[pixel, co] = sum over k of a[k, pixel] * b[k, co],    k = (input, tap row, tap column, ci)
//
// a[k, pixel] is what the tap reads of the input's channel ci for the pixel, b[k, co] its weight.
// The pixels of a tile are neighbours in memory, wherever rows and images end. In the input
// gradient, "input" is dy, co runs over the channels of dx, and the pixels are those of one phase.
namespace pixelgrad::cuda {
namespace {

/// How the work is cut: one block for each tile of pixels x channels, of each phase, group and part
/// of the sum.
struct Cut {
  int channel_tiles, pixel_tiles, phases, groups, parts;
};

template <class T>
struct Task {
  TapProblem<T> p;
  Cut cut;
  T* partial;  ///< for more than one part: [part] of y's size
};

/// What a block computes.
template <class T, class Tile, bool gradient>
struct Place {
  int first_channel, first_pixel, group, part;
  AxisTaps rows, columns;
  int pixels;             ///< of the phase, in all images
  int channels;           ///< written ones of the group
  int depth;              ///< k of the whole sum
  int begin, slices = 0;  ///< k of the part

  __device__ explicit Place(const Task<T>& task) {
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
    pixels = static_cast<int>(g.n) * rows.pixels * columns.pixels;
    const int in = static_cast<int>(g.in_channels / g.groups);
    const int out = static_cast<int>(g.out_channels / g.groups);
    channels = gradient ? in : out;
    depth = rows.taps * columns.taps * (gradient ? out : in);
    const int all = (depth + Tile::depth - 1) / Tile::depth;
    const int each = (all + task.cut.parts - 1) / task.cut.parts;
    begin = part * each * Tile::depth;
    slices = part * each < all ? (all - part * each < each ? all - part * each : each) : 0;
  }
};

/// A place in the sum that goes from k to k. Inputs follow one another; each has its taps, and each
/// tap its channels.
struct Walk {
  int input, row, column, channel;
  int channels;  ///< of the input, in one group
  int before;    ///< channels of the inputs before it

  template <class T>
  __device__ void start(const TapProblem<T>& p, const AxisTaps& rows, const AxisTaps& columns,
                        int k) {
    const int taps = rows.taps * columns.taps, groups = static_cast<int>(p.g.groups);
    input = before = row = column = channel = 0;
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

template <class T, class Tile, int V, bool gradient>
class TapOperands {
  using A = AlongDepth<Tile, V, Tile::rows>;
  // The weights of one tap are [co, ci] with a stride between the co. Forward multiplies by rows of
  // ci: neighbours are along k. The gradient multiplies by the transposed matrix.
  using B = std::conditional_t<gradient, AcrossDepth<Tile, V, Tile::columns>,
                               AlongDepth<Tile, V, Tile::columns>>;

 public:
  struct Loaded {
    Pack<T, V> a[A::count], b[B::count];
  };

  __device__ TapOperands(const Task<T>& task, const Place<T, Tile, gradient>& place)
      : p_(task.p), place_(place) {
    const kernels::Conv2dGeometry& g = p_.g;
    read_h_ = static_cast<int>(gradient ? g.out_h : g.in_h);
    read_w_ = static_cast<int>(gradient ? g.out_w : g.in_w);
#pragma unroll
    for (int i = 0; i < A::count; ++i) {
      const int pixel = place.first_pixel + A::at(i);
      y_[i] = outside;
      if (pixel >= place.pixels || A::at(i) >= Tile::rows) continue;
      const int a_row = place.columns.pixels, an_image = place.rows.pixels * a_row;
      const int image = pixel / an_image, inside = pixel % an_image;
      y_[i] = inside / a_row * place.rows.read_stride + place.rows.read_first;
      x_[i] = inside % a_row * place.columns.read_stride + place.columns.read_first;
      at_[i] = (image * read_h_ + y_[i]) * read_w_ + x_[i];
    }
    a_.start(p_, place.rows, place.columns, place.begin + A::k());
    if (gradient) b_.start(p_, place.rows, place.columns, place.begin + B::k());
  }

  __device__ void advance() {
    a_.advance(p_, place_.rows, place_.columns, Tile::depth);
    if (gradient) b_.advance(p_, place_.rows, place_.columns, Tile::depth);
  }

  __device__ void load(Loaded& loaded) const {
    load_pixels(loaded.a);
    load_weights(gradient ? b_ : a_, loaded.b);  // along k, both have the same
  }

  template <int N, int M>
  __device__ void store(const Loaded& loaded, T (&a)[Tile::depth][N],
                        T (&b)[Tile::depth][M]) const {
    A::store(loaded.a, a);
    B::store(loaded.b, b);
  }

 private:
  static constexpr int outside = -(1 << 30);  // no tap leads from there into the image

  __device__ void load_pixels(Pack<T, V> (&loaded)[A::count]) const {
    const bool any = a_.input < p_.input_count;
    const auto& input = p_.inputs[any ? a_.input : 0];
    const T* from = input.x + place_.group * a_.channels + a_.channel;
    const int dy = a_.row * place_.rows.read_step, dx = a_.column * place_.columns.read_step;
#pragma unroll
    for (int i = 0; i < A::count; ++i) {
      const bool inside = any &&
                          static_cast<unsigned>(y_[i] + dy) < static_cast<unsigned>(read_h_) &&
                          static_cast<unsigned>(x_[i] + dx) < static_cast<unsigned>(read_w_);
      loaded[i] = {};
      if (inside) loaded[i] = load_pack<V>(from + (at_[i] + dy * read_w_ + dx) * input.channels);
    }
  }

  __device__ void load_weights(const Walk& k, Pack<T, V> (&loaded)[B::count]) const {
    const kernels::Conv2dGeometry& g = p_.g;
    const bool any = k.input < p_.input_count;
    const int r = place_.rows.weight_first + k.row * place_.rows.weight_step;
    const int s = place_.columns.weight_first + k.column * place_.columns.weight_step;
    const int64_t tap = (r * g.kernel_w + s) * p_.weight_row;
    const int64_t an_output = g.kernel_h * g.kernel_w * p_.weight_row;
    const int64_t first_output = place_.group * (g.out_channels / g.groups);
    const T* from = p_.weight + tap +
                    (gradient ? (first_output + k.channel) * an_output
                              : first_output * an_output + k.before + k.channel);
#pragma unroll
    for (int i = 0; i < B::count; ++i) {
      const int channel = place_.first_channel + B::at(i);
      loaded[i] = {};
      if (any && channel < place_.channels && B::at(i) < Tile::columns)
        loaded[i] = load_pack<V>(from + channel * (gradient ? 1 : an_output));
    }
  }

  const TapProblem<T>& p_;
  const Place<T, Tile, gradient>& place_;
  int read_h_, read_w_;
  int y_[A::count], x_[A::count];  // of this thread's pixels: what tap (0, 0) reads
  int at_[A::count];  // its number among all pixels; wrong but unused outside the image
  Walk a_, b_;
};

template <class T, class Tile, int V, bool gradient>
__global__ void __launch_bounds__(Tile::threads, 512 / Tile::threads) tap_kernel(Task<T> task) {
  __shared__ Slices<T, Tile> shared;
  const Place<T, Tile, gradient> place(task);
  if (place.first_pixel >= place.pixels) return;  // a phase may have fewer pixels than others
  T sums[Tile::lane_rows][Tile::lane_columns];
  {
    TapOperands<T, Tile, V, gradient> operands(task, place);
    multiply<T, Tile>(operands, place.slices, shared, sums);
  }
  const TapProblem<T>& p = task.p;
  const kernels::Conv2dGeometry& g = p.g;
  const int64_t write_h = gradient ? g.in_h : g.out_h, write_w = gradient ? g.in_w : g.out_w;
  const int64_t all_channels = gradient ? g.in_channels : g.out_channels;
  const bool whole = task.cut.parts == 1;
  T* y = whole ? p.y : task.partial + place.part * (g.n * write_h * write_w * all_channels);
#pragma unroll
  for (int i = 0; i < Tile::lane_rows; ++i) {
    const int pixel = place.first_pixel + Tile::row(i);
    if (pixel >= place.pixels) continue;
    const int a_row = place.columns.pixels, an_image = place.rows.pixels * a_row;
    const int image = pixel / an_image, inside = pixel % an_image;
    const int row = place.rows.write_first + inside / a_row * place.rows.write_step;
    const int column = place.columns.write_first + inside % a_row * place.columns.write_step;
    T* to = y + ((image * write_h + row) * write_w + column) * all_channels;
#pragma unroll
    for (int j = 0; j < Tile::lane_columns; j += V) {
      const int in_group = place.first_channel + Tile::column(j);
      if (in_group >= place.channels) continue;
      const int channel = place.group * place.channels + in_group;
      Pack<T, V> pack;
      for (int v = 0; v < V; ++v) pack.v[v] = sums[i][j + v];
      if (whole && p.bias)
        for (int v = 0; v < V; ++v) pack.v[v] += p.bias[channel + v];
      if (whole && p.add) {
        const auto before = load_pack<V>(to + channel);
        for (int v = 0; v < V; ++v) pack.v[v] += before.v[v];
      }
      store_pack(to + channel, pack);
    }
  }
}

template <class T, class Tile, int V, bool gradient>
void run_tiles(const TapProblem<T>& p) {
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
  check(tiles * parts <= INT32_MAX, "[", op, "] ", tiles, " tiles are too many for one launch");
  const Cut cut{static_cast<int>(channel_tiles), static_cast<int>(pixel_tiles),
                static_cast<int>(phases), static_cast<int>(g.groups), static_cast<int>(parts)};
  const LaunchShape shape{dim3(static_cast<unsigned>(tiles * parts)), dim3(Tile::threads)};
  const auto kernel = tap_kernel<T, Tile, V, gradient>;
  if (parts == 1) return launch(op, shape, kernel, Task<T>{p, cut, nullptr});
  const int64_t size =
      (gradient ? g.n * g.in_h * g.in_w : g.n * g.out_h * g.out_w) * write_channels;
  Scratch<T> partial(parts * size);
  launch(op, shape, kernel, Task<T>{p, cut, partial.data()});
  add_parts<T>({size, parts, partial.data(), write_channels, write_channels, p.bias, p.add, p.y});
}

template <class T, int V, bool gradient>
void run_vectors(const TapProblem<T>& p) {
  const int64_t channels = (gradient ? p.g.in_channels : p.g.out_channels) / p.g.groups;
  if constexpr (std::is_same_v<T, double>)
    run_tiles<T, Tile<4, 2, 1, 1>, V, gradient>(p);  // 64 x 64
  else if (channels <= 32)
    run_tiles<T, Tile<4, 1, 2, 1>, V, gradient>(p);  // 128 x 32
  else if (channels <= 64)
    run_tiles<T, Tile<4, 1, 2, 2>, V, gradient>(p);  // 128 x 64
  else
    run_tiles<T, Tile<4, 2, 2, 2>, V, gradient>(p);  // 128 x 128
}

template <class T, bool gradient>
void run(const TapProblem<T>& p) {
  constexpr int V = 16 / sizeof(T);
  const kernels::Conv2dGeometry& g = p.g;
  bool vectors = g.in_channels / g.groups % V == 0 && g.out_channels / g.groups % V == 0 &&
                 p.weight_row % V == 0 && is_aligned<V>(p.weight) && is_aligned<V>(p.y);
  for (int i = 0; i < p.input_count; ++i)
    vectors = vectors && p.inputs[i].channels % V == 0 && is_aligned<V>(p.inputs[i].x);
  vectors ? run_vectors<T, V, gradient>(p) : run_vectors<T, 1, gradient>(p);
}

}  // namespace

template <class T>
void run_forward(const TapProblem<T>& problem) {
  run<T, false>(problem);
}

template <class T>
void run_input_gradient(const TapProblem<T>& problem) {
  run<T, true>(problem);
}

template void run_forward<float>(const TapProblem<float>&);
template void run_forward<double>(const TapProblem<double>&);
template void run_input_gradient<float>(const TapProblem<float>&);
template void run_input_gradient<double>(const TapProblem<double>&);

}  // namespace pixelgrad::cuda
