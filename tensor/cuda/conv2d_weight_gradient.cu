#include "tensor/cuda/conv2d_problem.h"
#include "tensor/cuda/conv2d_tile.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"

// The weight gradient as a product of matrices:
//
//     dweight[co, (r, s, ci)] = sum over pixels of a[pixel, (r, s, ci)] * b[pixel, co]
//
// a is the value of x that tap (r, s) reads for the output pixel, b is dy. Both have neighbours
// along the rows and columns of the tile, so unlike in forward nothing is transposed. The sum over
// the pixels is long and the tiles are few: it is cut into parts.
namespace pixelgrad::cuda {
namespace {

template <class T>
struct Task {
  kernels::Conv2dGeometry g;
  const T *x, *dy;
  int weight_tiles, channel_tiles, parts;
  T* to;              ///< dweight, or with parts [part, co, tap, ci]
  int64_t tap_step;   ///< values of `to` from one tap to the next
  int64_t part_step;  ///< and from one part to the next
};

template <class T, class Tile>
struct Place {
  int first_weight, first_channel, group, part;
  int in, out;        ///< channels of the group
  int weights;        ///< of one output channel: taps * in
  int pixels;         ///< of all images
  int begin, slices;  ///< pixels of the part

  __device__ explicit Place(const Task<T>& task) {
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
};

template <class T, class Tile, int V>
class WeightGradientOperands {
  using A = AcrossDepth<Tile, V, Tile::rows>;
  using B = AcrossDepth<Tile, V, Tile::columns>;

 public:
  struct Loaded {
    Pack<T, V> a[A::count], b[B::count];
  };

  __device__ WeightGradientOperands(const Task<T>& task, const Place<T, Tile>& place)
      : task_(task), place_(place) {
    const kernels::Conv2dGeometry& g = task.g;
    const int out_h = static_cast<int>(g.out_h), out_w = static_cast<int>(g.out_w);
    pixel_ = place.begin + A::k();
    column_ = pixel_ % out_w;
    row_ = pixel_ / out_w % out_h;
    image_ = pixel_ / out_w / out_h;
#pragma unroll
    for (int i = 0; i < A::count; ++i) {
      const int weight = place.first_weight + A::at(i);
      y_[i] = outside;
      if (weight >= place.weights || A::at(i) >= Tile::rows) continue;
      const int tap = weight / place.in, kernel_w = static_cast<int>(g.kernel_w);
      y_[i] = tap / kernel_w * static_cast<int>(g.dilation_h) - static_cast<int>(g.pad_top);
      x_[i] = tap % kernel_w * static_cast<int>(g.dilation_w) - static_cast<int>(g.pad_left);
      at_[i] = (y_[i] * g.in_w + x_[i]) * g.in_channels + weight % place.in;
    }
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

  __device__ void load(Loaded& loaded) const {
    const kernels::Conv2dGeometry& g = task_.g;
    const bool any = pixel_ < place_.pixels;
    const int y = row_ * static_cast<int>(g.stride_h), x = column_ * static_cast<int>(g.stride_w);
    const T* read =
        task_.x + ((image_ * g.in_h + y) * g.in_w + x) * g.in_channels + place_.group * place_.in;
#pragma unroll
    for (int i = 0; i < A::count; ++i) {
      const bool inside = any && static_cast<unsigned>(y + y_[i]) < static_cast<unsigned>(g.in_h) &&
                          static_cast<unsigned>(x + x_[i]) < static_cast<unsigned>(g.in_w);
      loaded.a[i] = {};
      if (inside) loaded.a[i] = load_pack<V>(read + at_[i]);
    }
    const T* dy = task_.dy + pixel_ * g.out_channels + place_.group * place_.out;
#pragma unroll
    for (int i = 0; i < B::count; ++i) {
      const int channel = place_.first_channel + B::at(i);
      loaded.b[i] = {};
      if (any && channel < place_.out && B::at(i) < Tile::columns)
        loaded.b[i] = load_pack<V>(dy + channel);
    }
  }

  template <int N, int M>
  __device__ void store(const Loaded& loaded, T (&a)[Tile::depth][N],
                        T (&b)[Tile::depth][M]) const {
    A::store(loaded.a, a);
    B::store(loaded.b, b);
  }

 private:
  static constexpr int outside = -(1 << 30);  // no pixel leads from there into the image

  const Task<T>& task_;
  const Place<T, Tile>& place_;
  int pixel_, image_, row_, column_;  // the output pixel of this thread's k
  int y_[A::count], x_[A::count];     // what its taps read, from the pixel that (0, 0) reads
  int64_t at_[A::count];              // and where in memory
};

template <class T, class Tile, int V>
__global__ void __launch_bounds__(Tile::threads, 512 / Tile::threads)
    weight_gradient_kernel(Task<T> task) {
  __shared__ Slices<T, Tile> shared;
  const Place<T, Tile> place(task);
  T sums[Tile::lane_rows][Tile::lane_columns];
  {
    WeightGradientOperands<T, Tile, V> operands(task, place);
    multiply<T, Tile>(operands, place.slices, shared, sums);
  }
  const int64_t taps = task.g.kernel_h * task.g.kernel_w;
#pragma unroll
  for (int i = 0; i < Tile::lane_rows; i += V) {
    const int weight = place.first_weight + Tile::row(i);
    if (weight >= place.weights) continue;
    T* to = task.to + place.part * task.part_step + weight / place.in * task.tap_step +
            weight % place.in;
#pragma unroll
    for (int j = 0; j < Tile::lane_columns; ++j) {
      const int channel = place.first_channel + Tile::column(j);
      if (channel >= place.out) continue;
      Pack<T, V> pack;
      for (int v = 0; v < V; ++v) pack.v[v] = sums[i + v][j];
      store_pack(to + (place.group * place.out + channel) * taps * task.tap_step, pack);
    }
  }
}

template <class T, class Tile, int V>
void run_tiles(const kernels::Conv2dGeometry& g, const T* x, const T* dy, T* dweight) {
  const int64_t in = g.in_channels / g.groups, out = g.out_channels / g.groups;
  const int64_t taps = g.kernel_h * g.kernel_w, pixels = g.n * g.out_h * g.out_w;
  const int64_t weight_tiles = ceil_div(taps * in, Tile::rows);
  const int64_t channel_tiles = ceil_div(out, Tile::columns);
  const int64_t tiles = weight_tiles * channel_tiles * g.groups;
  // Sums of more terms would lose digits in f32.
  constexpr int64_t most_terms = 8192;
  const int64_t parts = std::max(parts_of_sums(tiles, pixels, 256), ceil_div(pixels, most_terms));
  const char* op = "conv2d_backward_weight";
  check(tiles * parts <= INT32_MAX, "[", op, "] ", tiles, " tiles of ", parts,
        " parts are too many for one launch");
  const LaunchShape shape{dim3(static_cast<unsigned>(tiles * parts)), dim3(Tile::threads)};
  const auto kernel = weight_gradient_kernel<T, Tile, V>;
  Task<T> task{.g = g,
               .x = x,
               .dy = dy,
               .weight_tiles = static_cast<int>(weight_tiles),
               .channel_tiles = static_cast<int>(channel_tiles),
               .parts = static_cast<int>(parts),
               .to = dweight,
               .tap_step = g.weight_row(),
               .part_step = 0};
  if (parts == 1) return launch(op, shape, kernel, task);
  const int64_t size = g.out_channels * taps * in;
  Scratch<T> partial(parts * size);
  task.to = partial.data();
  task.tap_step = in;
  task.part_step = size;
  launch(op, shape, kernel, task);
  add_parts<T>({size, parts, partial.data(), in, g.weight_row(), nullptr, false, dweight});
}

template <class T, int V>
void run_vectors(const kernels::Conv2dGeometry& g, const T* x, const T* dy, T* dweight) {
  const int64_t out = g.out_channels / g.groups;
  if constexpr (std::is_same_v<T, double>)
    run_tiles<T, Tile<4, 2, 1, 1>, V>(g, x, dy, dweight);  // 64 x 64
  else if (out <= 32)
    run_tiles<T, Tile<4, 1, 2, 1>, V>(g, x, dy, dweight);  // 128 x 32
  else if (out <= 64)
    run_tiles<T, Tile<4, 1, 2, 2>, V>(g, x, dy, dweight);  // 128 x 64
  else
    run_tiles<T, Tile<4, 2, 2, 2>, V>(g, x, dy, dweight);  // 128 x 128
}

}  // namespace

template <class T>
void run_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy, T* dweight) {
  constexpr int V = 16 / sizeof(T);
  const bool vectors = g.in_channels / g.groups % V == 0 && g.out_channels / g.groups % V == 0 &&
                       g.weight_row() % V == 0 && is_aligned<V>(x) && is_aligned<V>(dy) &&
                       is_aligned<V>(dweight);
  vectors ? run_vectors<T, V>(g, x, dy, dweight) : run_vectors<T, 1>(g, x, dy, dweight);
}

template void run_weight_gradient<float>(const kernels::Conv2dGeometry&, const float*, const float*,
                                         float*);
template void run_weight_gradient<double>(const kernels::Conv2dGeometry&, const double*,
                                          const double*, double*);

}  // namespace pixelgrad::cuda
