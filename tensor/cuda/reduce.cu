#include "tensor/kernels/reduce.h"

#include <optional>
#include <utility>

#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"
#include "tensor/cuda/sums.h"

namespace pixelgrad::kernels {
namespace {

template <class In>
struct Value {
  const In* x;
  ReducedGroup g;
  __device__ void operator()(int64_t outer, int64_t row, int64_t column,
                             cuda::Sums<1>& sums) const {
    sums.value[0] += static_cast<double>(x[(outer * g.reduced + row) * g.inner + column]);
  }
};

template <class Out>
struct Scaled {
  double factor;
  int64_t inner;
  Out* y;
  __device__ void operator()(int64_t outer, int64_t column, const cuda::Sums<1>& sums) const {
    y[outer * inner + column] = static_cast<Out>(factor * sums.value[0]);
  }
};

template <class In, class Out>
void sum_group(const ReducedGroup& g, const In* x, double factor, Out* y) {
  cuda::sum<1>("reduce_sum", {g.outer, g.reduced, g.inner}, Value<In>{x, g},
               Scaled<Out>{factor, g.inner, y});
}

/// A value and its place. The larger of two does not depend on their order, so neither does the
/// largest of many on how they are shared among threads.
template <class T>
struct Largest {
  T value;
  int64_t at = -1;  ///< -1: none yet

  __device__ void take(const Largest& other) {
    if (other.at < 0) return;
    const bool nan = value != value, other_nan = other.value != other.value;
    const bool equal = nan ? other_nan : value == other.value;
    const bool larger = other.value > value || (other_nan && !nan);
    if (at < 0 || larger || (equal && other.at < at)) *this = other;
  }
};

/// Where position `reduced` of those that become output `kept` lies in the large array.
__device__ inline int64_t place(const BroadcastAxes& axes, int64_t kept, int64_t reduced) {
  int64_t at = 0, stride = 1;
  for (int k = axes.count - 1; k >= 0; --k) {
    int64_t& from = axes.repeated[k] ? reduced : kept;
    at += from % axes.size[k] * stride;
    from /= axes.size[k];
    stride *= axes.size[k];
  }
  return at;
}

/// `lanes` threads of a block, a power of 2, look for the largest value of one output.
template <class T>
__global__ void max_kernel(BroadcastAxes axes, int64_t outputs, int64_t reduced, int lanes,
                           const T* x, T* y, int64_t* index) {
  __shared__ Largest<T> shared[cuda::block_threads];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % lanes;
  const int64_t output = cuda::thread_number() / lanes;
  Largest<T> largest{};
  if (output < outputs)
    for (int64_t r = lane; r < reduced; r += lanes) {
      const int64_t at = place(axes, output, r);
      largest.take({x[at], at});
    }
  shared[thread] = largest;
  __syncthreads();
  for (int half = lanes / 2; half > 0; half /= 2) {
    if (lane < half) shared[thread].take(shared[thread + half]);
    __syncthreads();
  }
  if (lane > 0 || output >= outputs) return;
  y[output] = shared[thread].value;
  index[output] = shared[thread].at;
}

template <class T>
__global__ void scatter_kernel(int64_t n, const T* dy, const int64_t* index, T* dx) {
  const int64_t i = cuda::thread_number();
  if (i < n) dx[index[i]] = dy[i];
}

}  // namespace

template <Device D, class T>
void reduce_sum(const BroadcastAxes& axes, const T* x, double factor, T* y) {
  std::optional<cuda::Scratch<double>> between[2];  // the sums of the groups so far, in turn
  int now = 0;
  for_each_reduced_group(axes, [&](const ReducedGroup& g, bool last) {
    const double* before = between[1 - now] ? between[1 - now]->data() : nullptr;
    if (last && before) return sum_group(g, before, factor, y);
    if (last) return sum_group(g, x, factor, y);
    between[now].emplace(g.outer * g.inner);
    if (before)
      sum_group(g, before, 1, between[now]->data());
    else
      sum_group(g, x, 1, between[now]->data());
    now = 1 - now;
  });
}

template <Device D, class T>
void reduce_max(const BroadcastAxes& axes, const T* x, T* y, int64_t* index) {
  const int64_t outputs = axes.kept();
  if (outputs == 0) return;
  const int64_t reduced = axes.all() / outputs;
  const int lanes = reduced <= 64 ? 1 : reduced <= 4096 ? 32 : cuda::block_threads;
  cuda::launch("reduce_max", cuda::one_thread_each(outputs * lanes), max_kernel<T>, axes, outputs,
               reduced, lanes, x, y, index);
}

template <Device D, class T>
void reduce_max_backward(int64_t all, int64_t n, const T* dy, const int64_t* index, T* dx) {
  if (all == 0) return;
  cuda::check_status(cudaMemsetAsync(dx, 0, static_cast<size_t>(all) * sizeof(T), cuda::stream()),
                     "reduce_max_backward");
  if (n > 0)
    cuda::launch("reduce_max_backward", cuda::one_thread_each(n), scatter_kernel<T>, n, dy, index,
                 dx);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                 \
  template void reduce_sum<Device::cuda, T>(const BroadcastAxes&, const T*, double, T*);         \
  template void reduce_max<Device::cuda, T>(const BroadcastAxes&, const T*, T*, int64_t*);       \
  template void reduce_max_backward<Device::cuda, T>(int64_t, int64_t, const T*, const int64_t*, \
                                                     T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
