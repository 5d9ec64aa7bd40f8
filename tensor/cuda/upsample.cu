#include "tensor/kernels/upsample.h"

#include <algorithm>

#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"
#include "tensor/dtype.h"

// Nearest and bilinear forwards read their few source pixels straight away. The backwards, and
// bicubic both ways, are sums over one axis and then over the other. A backward gathers: an input
// coordinate adds up the outputs that read it, which lie side by side; how much each of them takes
// stands in a table that a small kernel makes.
namespace pixelgrad::kernels {
namespace {

// How much output coordinate `out` takes of input coordinate `in`, one struct a method, and how far
// beyond its own pixel an output reads (`reach`).
struct Nearest {
  int64_t in_size, out_size;
  static constexpr int64_t reach = 1;
  __device__ double weight(int64_t out, int64_t in) const {
    return nearest_source(out, in_size, out_size) == in ? 1 : 0;
  }
};

struct Linear {
  int64_t in_size, out_size;
  bool align_corners;
  static constexpr int64_t reach = 1;
  __device__ double weight(int64_t out, int64_t in) const {
    const LinearSource s = linear_source(out, in_size, out_size, align_corners);
    return (s.low == in ? 1 - s.weight : 0) + (s.high == in && s.high != s.low ? s.weight : 0);
  }
};

struct Cubic {
  int64_t in_size, out_size;
  bool align_corners;
  static constexpr int64_t reach = 2;
  __device__ double weight(int64_t out, int64_t in) const {
    const CubicSource s = cubic_source(out, in_size, out_size, align_corners);
    double sum = 0;
    for (int k = 0; k < 4; ++k)
      if (s.in[k] == in) sum += s.weight[k];
    return sum;
  }
};

/// For each place of the axis that is written, the places of the other that it reads: `count` of
/// them from first[i] on, with weight[i * count + k]; some may be 0.
struct AxisTable {
  int64_t count;
  int64_t* first;
  double* weight;
};

/// The outputs that can read input `in`, however the pixels' centres are mapped: those whose own
/// place, between out * (in_size - 1) / (out_size - 1) and (out + 1/2) in_size / out_size, comes
/// within reach.
template <class Method>
__global__ void reader_table_kernel(Method method, AxisTable table) {
  const int64_t in = cuda::thread_number();
  if (in >= method.in_size) return;
  const double steps = static_cast<double>(method.out_size) / static_cast<double>(method.in_size);
  const double begin = (static_cast<double>(in) - Method::reach - 1) * steps - 2;
  int64_t first = begin < 0 ? 0 : static_cast<int64_t>(begin);
  if (first + table.count > method.out_size) first = method.out_size - table.count;
  table.first[in] = first;
  for (int64_t k = 0; k < table.count; ++k)
    table.weight[in * table.count + k] = method.weight(first + k, in);
}

/// Of bicubic interpolation: the four inputs around an output, as far as there are four.
__global__ void source_table_kernel(Cubic method, AxisTable table) {
  const int64_t out = cuda::thread_number();
  if (out >= method.out_size) return;
  const CubicSource s = cubic_source(out, method.in_size, method.out_size, method.align_corners);
  int64_t first = s.in[0];
  if (first + table.count > method.in_size) first = method.in_size - table.count;
  table.first[out] = first;
  for (int64_t k = 0; k < table.count; ++k)
    table.weight[out * table.count + k] = method.weight(out, first + k);
}

/// to [outer, written, inner] from [outer, read, inner].
template <class From, class To>
__global__ void axis_kernel(int64_t n, int64_t written, int64_t read, int64_t inner,
                            AxisTable table, const From* from, To* to) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const int64_t place = i / inner % written, outer = i / inner / written;
  const From* line = from + (outer * read + table.first[place]) * inner + i % inner;
  const double* weight = table.weight + place * table.count;
  double sum = 0;
  for (int64_t k = 0; k < table.count; ++k)
    if (weight[k] != 0) sum += weight[k] * static_cast<double>(line[k * inner]);
  to[i] = static_cast<To>(sum);
}

/// A table in memory of its own, filled by `kernel`.
class Table {
 public:
  template <class Method>
  Table(const char* op, int64_t places, int64_t count, void (*kernel)(Method, AxisTable),
        const Method& method)
      : count_(count), first_(places), weight_(places * count) {
    cuda::launch(op, cuda::one_thread_each(places), kernel, method, get());
  }
  AxisTable get() { return {count_, first_.data(), weight_.data()}; }

 private:
  int64_t count_;
  cuda::Scratch<int64_t> first_;
  cuda::Scratch<double> weight_;
};

/// What the outputs take of each input.
template <class Method>
Table readers(const char* op, const Method& method) {
  // All whose place is within `reach` + 1 of the input's, on either side; see reader_table_kernel.
  const int64_t steps = (method.out_size + method.in_size - 1) / method.in_size;
  const int64_t count = std::min(method.out_size, 2 * (Method::reach + 1) * steps + steps + 5);
  return Table(op, method.in_size, count, reader_table_kernel<Method>, method);
}

/// What each output takes.
Table sources(const char* op, const Cubic& method) {
  return Table(op, method.out_size, std::min<int64_t>(4, method.in_size), source_table_kernel,
               method);
}

/// to [n, to_h, to_w, channels] from [n, from_h, from_w, channels]: rows first, then columns.
template <class T>
void resample(const char* op, int64_t n, int64_t channels, int64_t from_h, int64_t from_w,
              int64_t to_h, int64_t to_w, Table&& rows, Table&& columns, const T* from, T* to) {
  const int64_t between = n * to_h * from_w * channels, all = n * to_h * to_w * channels;
  if (all == 0) return;
  using Between = compute_t<T>;
  cuda::Scratch<Between> half(between);
  cuda::launch(op, cuda::one_thread_each(between), axis_kernel<T, Between>, between, to_h, from_h,
               from_w * channels, rows.get(), from, half.data());
  cuda::launch(op, cuda::one_thread_each(all), axis_kernel<Between, T>, all, to_w, from_w, channels,
               columns.get(), half.data(), to);
}

/// The backward of a resampling by `rows` and `columns`.
template <class Method, class T>
void gather(const char* op, const UpsampleGeometry& g, const Method& rows, const Method& columns,
            const T* dy, T* dx) {
  if (g.n * g.in_h * g.in_w * g.channels == 0) return;
  resample(op, g.n, g.channels, g.out_h, g.out_w, g.in_h, g.in_w, readers(op, rows),
           readers(op, columns), dy, dx);
}

template <class T>
__global__ void nearest_kernel(int64_t n, UpsampleGeometry g, const T* x, T* y) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const int64_t pixel = i / g.channels, image = pixel / g.out_w / g.out_h;
  const int64_t iy = nearest_source(pixel / g.out_w % g.out_h, g.in_h, g.out_h);
  const int64_t ix = nearest_source(pixel % g.out_w, g.in_w, g.out_w);
  y[i] = x[((image * g.in_h + iy) * g.in_w + ix) * g.channels + i % g.channels];
}

template <class T>
__global__ void bilinear_kernel(int64_t n, UpsampleGeometry g, bool align_corners, const T* x,
                                T* y) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const int64_t pixel = i / g.channels, image = pixel / g.out_w / g.out_h;
  const LinearSource sy = linear_source(pixel / g.out_w % g.out_h, g.in_h, g.out_h, align_corners);
  const LinearSource sx = linear_source(pixel % g.out_w, g.in_w, g.out_w, align_corners);
  const T* low = x + (image * g.in_h + sy.low) * g.in_w * g.channels + i % g.channels;
  const T* high = x + (image * g.in_h + sy.high) * g.in_w * g.channels + i % g.channels;
  const int64_t left = sx.low * g.channels, right = sx.high * g.channels;
  using Value = compute_t<T>;
  const Value w00 = static_cast<Value>((1 - sy.weight) * (1 - sx.weight));
  const Value w01 = static_cast<Value>((1 - sy.weight) * sx.weight);
  const Value w10 = static_cast<Value>(sy.weight * (1 - sx.weight));
  const Value w11 = static_cast<Value>(sy.weight * sx.weight);
  y[i] =
      static_cast<T>((w00 * low[left] + w01 * low[right]) + (w10 * high[left] + w11 * high[right]));
}

int64_t outputs(const UpsampleGeometry& g) { return g.n * g.out_h * g.out_w * g.channels; }

}  // namespace

template <Device D, class T>
void upsample_nearest_forward(const UpsampleGeometry& g, const T* x, T* y) {
  if (const int64_t n = outputs(g); n > 0)
    cuda::launch("upsample_nearest", cuda::one_thread_each(n), nearest_kernel<T>, n, g, x, y);
}

template <Device D, class T>
void upsample_nearest_backward(const UpsampleGeometry& g, const T* dy, T* dx) {
  gather("upsample_nearest backward", g, Nearest{g.in_h, g.out_h}, Nearest{g.in_w, g.out_w}, dy,
         dx);
}

template <Device D, class T>
void upsample_bilinear_forward(const UpsampleGeometry& g, bool align_corners, const T* x, T* y) {
  if (const int64_t n = outputs(g); n > 0)
    cuda::launch("upsample_bilinear", cuda::one_thread_each(n), bilinear_kernel<T>, n, g,
                 align_corners, x, y);
}

template <Device D, class T>
void upsample_bilinear_backward(const UpsampleGeometry& g, bool align_corners, const T* dy, T* dx) {
  gather("upsample_bilinear backward", g, Linear{g.in_h, g.out_h, align_corners},
         Linear{g.in_w, g.out_w, align_corners}, dy, dx);
}

template <Device D, class T>
void upsample_bicubic_forward(const UpsampleGeometry& g, bool align_corners, const T* x, T* y) {
  const char* const op = "upsample_bicubic";
  if (outputs(g) > 0)
    resample(op, g.n, g.channels, g.in_h, g.in_w, g.out_h, g.out_w,
             sources(op, {g.in_h, g.out_h, align_corners}),
             sources(op, {g.in_w, g.out_w, align_corners}), x, y);
}

template <Device D, class T>
void upsample_bicubic_backward(const UpsampleGeometry& g, bool align_corners, const T* dy, T* dx) {
  gather("upsample_bicubic backward", g, Cubic{g.in_h, g.out_h, align_corners},
         Cubic{g.in_w, g.out_w, align_corners}, dy, dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void upsample_nearest_forward<Device::cuda, T>(const UpsampleGeometry&, const T*, T*);  \
  template void upsample_nearest_backward<Device::cuda, T>(const UpsampleGeometry&, const T*, T*); \
  template void upsample_bilinear_forward<Device::cuda, T>(const UpsampleGeometry&, bool,          \
                                                           const T*, T*);                          \
  template void upsample_bilinear_backward<Device::cuda, T>(const UpsampleGeometry&, bool,         \
                                                            const T*, T*);                         \
  template void upsample_bicubic_forward<Device::cuda, T>(const UpsampleGeometry&, bool, const T*, \
                                                          T*);                                     \
  template void upsample_bicubic_backward<Device::cuda, T>(const UpsampleGeometry&, bool,          \
                                                           const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
