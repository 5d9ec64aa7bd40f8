#include "tensor/kernels/norm.h"

#include "tensor/cuda/launch.h"
#include "tensor/cuda/norm_tables.h"
#include "tensor/cuda/sums.h"

namespace pixelgrad::kernels {
namespace {

/// Where a sum over the values of a group finds them: with one channel a group as [samples,
/// positions, groups], so that neighbouring threads read neighbouring channels; else as [samples *
/// groups, positions * group_size, 1].
struct GroupValues {
  NormGeometry g;

  explicit GroupValues(const NormGeometry& geometry) : g(geometry) {}

  cuda::SumShape shape() const {
    if (g.group_size == 1) return {g.samples, g.positions, g.groups};
    return {g.samples * g.groups, g.positions * g.group_size, 1};
  }
  /// The group, in [samples, groups].
  __device__ int64_t group(int64_t outer, int64_t column) const {
    return g.group_size == 1 ? outer * g.groups + column : outer;
  }
  /// Value `row` of the group.
  __device__ int64_t at(int64_t outer, int64_t row, int64_t column) const {
    if (g.group_size == 1) return (outer * g.positions + row) * g.groups + column;
    const int64_t sample = outer / g.groups, group = outer % g.groups;
    const int64_t position = row / g.group_size, channel = row % g.group_size;
    return ((sample * g.positions + position) * g.groups + group) * g.group_size + channel;
  }
};

/// Values and their squares relative to the group's first value, so that a large mean does not
/// cancel digits.
template <class T>
struct Moments {
  GroupValues values;
  const T* x;
  __device__ void operator()(int64_t outer, int64_t row, int64_t column,
                             cuda::Sums<2>& sums) const {
    const double value = static_cast<double>(x[values.at(outer, row, column)]) -
                         static_cast<double>(x[values.at(outer, 0, column)]);
    sums.value[0] += value;
    sums.value[1] += value * value;
  }
};

template <class T>
struct StoreMoments {
  GroupValues values;
  const T* x;
  double *mean, *variance;
  __device__ void operator()(int64_t outer, int64_t column, const cuda::Sums<2>& sums) const {
    const double n = static_cast<double>(values.g.positions * values.g.group_size);
    const double shifted = sums.value[0] / n;
    const double square = sums.value[1] / n - shifted * shifted;
    const int64_t group = values.group(outer, column);
    mean[group] = static_cast<double>(x[values.at(outer, 0, column)]) + shifted;
    variance[group] = square < 0 ? 0 : square;  // in this order a NaN stays
  }
};

template <class T>
__global__ void apply_kernel(int64_t n, NormArguments<T> in, cuda::NormTables<T> tables, T* y) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const auto pre = tables.value(in, i, in.x[i] - tables.mean[tables.at(in.g, i)]);
  y[i] = static_cast<T>(in.relu && pre <= 0 ? 0 : pre);  // a NaN stays
}

template <class T>
__global__ void running_kernel(int64_t n, double unbiased, const double* mean,
                               const double* variance, double momentum, T* running_mean,
                               T* running_variance) {
  const int64_t c = cuda::thread_number();
  if (c >= n) return;
  const auto mix = [&](T old, double batch) {
    return static_cast<T>((1 - momentum) * static_cast<double>(old) + momentum * batch);
  };
  running_mean[c] = mix(running_mean[c], mean[c]);
  running_variance[c] = mix(running_variance[c], unbiased * variance[c]);
}

}  // namespace

template <Device D, class T>
void norm_statistics(const NormGeometry& g, const T* x, double* mean, double* variance) {
  const GroupValues values(g);
  cuda::sum<2>("norm_statistics", values.shape(), Moments<T>{values, x},
               StoreMoments<T>{values, x, mean, variance});
}

template <Device D, class T>
void norm_apply(const NormArguments<T>& in, T* y) {
  const int64_t n = in.g.samples * in.g.positions * in.g.channels();
  if (n == 0) return;
  cuda::NormTablesMaker<T> tables("norm_apply", in);
  cuda::launch("norm_apply", cuda::one_thread_each(n), apply_kernel<T>, n, in, tables.tables(), y);
}

template <Device D, class T>
void update_running_statistics(int64_t n, int64_t values, const double* mean,
                               const double* variance, double momentum, T* running_mean,
                               T* running_variance) {
  const double count = static_cast<double>(values);
  if (n > 0)
    cuda::launch("update_running_statistics", cuda::one_thread_each(n), running_kernel<T>, n,
                 values > 1 ? count / (count - 1) : 1.0, mean, variance, momentum, running_mean,
                 running_variance);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void norm_statistics<Device::cuda, T>(const NormGeometry&, const T*, double*, double*); \
  template void norm_apply<Device::cuda, T>(const NormArguments<T>&, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE
#define PIXELGRAD_INSTANTIATE(T)                                                            \
  template void update_running_statistics<Device::cuda, T>(int64_t, int64_t, const double*, \
                                                           const double*, double, T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
