#include "tensor/kernels/conv2d.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "tensor/cuda/conv2d_choice.h"
#include "tensor/cuda/conv2d_one_tap.h"
#include "tensor/cuda/conv2d_problem.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"
#include "tensor/cuda/sums.h"
#include "tensor/kernels/values.h"

// The convolution on a GPU. The work is done elsewhere: conv2d_taps.cu (forward and input
// gradient), conv2d_weight_gradient.cu, conv2d_tf32.cu, conv2d_bf16.cu and conv2d_bf16_storage.cu
// (the same by tensor cores), conv2d_one_tap.cu (by cuBLAS) and conv2d_depthwise.cu. Here it is
// chosen.
namespace pixelgrad::cuda {
namespace {

template <class T>
__global__ void add_parts_kernel(PartialSums2d<T> s) {
  const int64_t i = thread_number();
  if (i >= s.n) return;
  const int64_t column = i % s.columns;
  T* to = s.y + i / s.columns * s.y_row + column;
  double sum = s.bias ? static_cast<double>(s.bias[column]) : 0;
  if (s.add) sum += static_cast<double>(*to);
  for (int64_t part = 0; part < s.parts; ++part)
    sum += static_cast<double>(s.partial[part * s.n + i]);
  *to = static_cast<T>(sum);
}

template <class T>
struct Value {
  const T* dy;
  int64_t channels;
  __device__ void operator()(int64_t, int64_t pixel, int64_t channel, Sums<1>& sums) const {
    sums.value[0] += static_cast<double>(dy[pixel * channels + channel]);
  }
};

template <class T>
struct Store {
  T* dbias;
  __device__ void operator()(int64_t, int64_t channel, const Sums<1>& sums) const {
    dbias[channel] = static_cast<T>(sums.value[0]);
  }
};

}  // namespace

template <class T>
void add_parts(const PartialSums2d<T>& sums) {
  launch("conv2d_add_parts", one_thread_each(sums.n), add_parts_kernel<T>, sums);
}
template void add_parts<float>(const PartialSums2d<float>&);
template void add_parts<double>(const PartialSums2d<double>&);
template void add_parts<bf16>(const PartialSums2d<bf16>&);

}  // namespace pixelgrad::cuda

namespace pixelgrad::kernels {
namespace {

using cuda::ConvDirection;

bool is_depthwise(const Conv2dGeometry& g) {
  return g.groups > 1 && g.in_channels == g.groups && g.out_channels == g.groups;
}

/// Whether the GPU has the instructions of tensor_core.h.
bool has_tensor_cores() {
  static const bool has = [] {
    int device = 0, major = 0;
    cuda::check_status(cudaGetDevice(&device), "conv2d");
    cuda::check_status(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
                       "conv2d");
    return major >= 8;
  }();
  return has;
}

/// What multiplicands of type float are rounded to.
Precision precision_here() { return has_tensor_cores() ? precision() : Precision::f32; }

/// Calls f.operator()<P>() for what multiplicands of T are rounded to.
template <class T, class F>
void with_precision(const F& f) {
  if constexpr (std::is_same_v<T, bf16>) {
    check(has_tensor_cores(), "[conv2d] this GPU has compute capability below 8.0, expected f32 ",
          "tensors, got bf16");
    return f.template operator()<Precision::bf16>();
  } else if constexpr (std::is_same_v<T, float>) {
    const Precision p = precision_here();
    if (p == Precision::tf32) return f.template operator()<Precision::tf32>();
    if (p == Precision::bf16) return f.template operator()<Precision::bf16>();
  }
  if constexpr (!std::is_same_v<T, bf16>) f.template operator()<Precision::f32>();
}

/// The weights as they are multiplied: beside bf16 a rounded copy.
template <class T>
class Multiplicands {
 public:
  Multiplicands(const Conv2dGeometry& g, const compute_t<T>* weight) {
    if constexpr (std::is_same_v<T, bf16>) {
      // Behind the last tap's channels there is nothing where these are some of a row.
      const int64_t rows = g.out_channels * g.kernel_h * g.kernel_w;
      const int64_t n = (rows - 1) * g.weight_row() + g.in_channels / g.groups;
      copy_.emplace(n);
      convert<Device::cuda>(n, weight, copy_->data());
      data_ = copy_->data();
    } else {
      data_ = weight;
    }
  }
  const T* data() const { return data_; }

 private:
  std::optional<cuda::Scratch<T>> copy_;
  const T* data_;
};

/// Kernels number pixels, and the terms of a sum, by int.
void check_sizes(const char* op, const Conv2dGeometry& g) {
  const int64_t terms = g.kernel_h * g.kernel_w * std::max(g.in_channels, g.out_channels);
  for (const int64_t size : {g.n * g.in_h * g.in_w, g.n * g.out_h * g.out_w, terms})
    check(size <= INT32_MAX / 2, "[", op, "] ", size,
          " pixels or products for each output are too many for one launch");
}

}  // namespace

template <Device D, class T>
void conv2d_forward(const Conv2dGeometry& g, std::span<const Conv2dInput<T>> inputs,
                    const compute_t<T>* weight, const compute_t<T>* bias, T* y) {
  if (g.n * g.out_h * g.out_w * g.out_channels == 0) return;
  check_sizes("conv2d_forward", g);
  if (is_depthwise(g)) return cuda::depthwise_forward(g, inputs[0].x, weight, bias, y);
  if constexpr (std::is_same_v<T, float>)
    if (inputs.size() == 1 && cuda::by_gemm(ConvDirection::forward, g, precision_here()))
      return cuda::one_tap_forward(g, precision_here(), inputs[0].x, weight, bias, y);
  using Problem = cuda::TapProblem<T>;
  const Multiplicands<T> weights(g, weight);
  int64_t before = 0;
  for (size_t first = 0; first < inputs.size(); first += Problem::most_inputs) {
    Problem p{.g = g,
              .inputs = {},
              .input_count = 0,
              .weight = weights.data() + before,
              .weight_row = g.weight_row(),
              .bias = first == 0 ? bias : nullptr,
              .add = first > 0,
              .y = y};
    p.g.in_channels = 0;
    for (const Conv2dInput<T>& input :
         inputs.subspan(first, std::min<size_t>(inputs.size() - first, Problem::most_inputs))) {
      p.inputs[p.input_count++] = input;
      p.g.in_channels += input.channels;
    }
    before += p.g.in_channels;
    with_precision<T>([&]<Precision P>() { cuda::run_forward<P>(p); });
  }
}

template <Device D, class T>
void conv2d_backward_input(const Conv2dGeometry& g, const T* dy, const compute_t<T>* weight,
                           const compute_t<T>* bias, T* dx) {
  if (g.n * g.in_h * g.in_w * g.in_channels == 0) return;
  check_sizes("conv2d_backward_input", g);
  if (is_depthwise(g)) return cuda::depthwise_input_gradient(g, dy, weight, bias, dx);
  if constexpr (std::is_same_v<T, float>)
    if (cuda::by_gemm(ConvDirection::input_gradient, g, precision_here()))
      return cuda::one_tap_input_gradient(g, precision_here(), dy, weight, bias, dx);
  const Multiplicands<T> weights(g, weight);
  const cuda::TapProblem<T> p{.g = g,
                              .inputs = {{dy, g.out_channels}},
                              .input_count = 1,
                              .weight = weights.data(),
                              .weight_row = g.weight_row(),
                              .bias = bias,
                              .add = false,
                              .y = dx};
  with_precision<T>([&]<Precision P>() { cuda::run_input_gradient<P>(p); });
}

template <Device D, class T>
void conv2d_backward_weight(const Conv2dGeometry& g, const T* x, const T* dy,
                            compute_t<T>* dweight) {
  if (g.out_channels * g.kernel_h * g.kernel_w * g.in_channels == 0) return;
  check_sizes("conv2d_backward_weight", g);
  if (is_depthwise(g)) return cuda::depthwise_weight_gradient(g, x, dy, dweight);
  if constexpr (std::is_same_v<T, float>)
    if (cuda::by_gemm(ConvDirection::weight_gradient, g, precision_here()))
      return cuda::one_tap_weight_gradient(g, precision_here(), x, dy, dweight);
  with_precision<T>([&]<Precision P>() { cuda::run_weight_gradient<P>(g, x, dy, dweight); });
}

template <Device D, class T>
void sum_over_pixels(int64_t pixels, int64_t channels, const T* dy, compute_t<T>* dbias) {
  cuda::sum<1>("sum_over_pixels", {1, pixels, channels}, cuda::Value<T>{dy, channels},
               cuda::Store<compute_t<T>>{dbias});
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void conv2d_forward<Device::cuda, T>(const Conv2dGeometry&,                             \
                                                std::span<const Conv2dInput<T>>,                   \
                                                const compute_t<T>*, const compute_t<T>*, T*);     \
  template void conv2d_backward_input<Device::cuda, T>(                                            \
      const Conv2dGeometry&, const T*, const compute_t<T>*, const compute_t<T>*, T*);              \
  template void conv2d_backward_weight<Device::cuda, T>(const Conv2dGeometry&, const T*, const T*, \
                                                        compute_t<T>*);                            \
  template void sum_over_pixels<Device::cuda, T>(int64_t, int64_t, const T*, compute_t<T>*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
