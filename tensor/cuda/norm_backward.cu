#include <cmath>
#include <optional>

#include "tensor/cuda/launch.h"
#include "tensor/cuda/norm_tables.h"
#include "tensor/cuda/sums.h"
#include "tensor/kernels/norm.h"

namespace pixelgrad::kernels {
namespace {

template <class T>
__device__ inline double gamma_of(const NormArguments<T>& in, int64_t channel) {
  return in.gamma ? static_cast<double>(in.gamma[channel]) : 1.0;
}

template <class T>
__device__ inline double inverse_deviation(const NormArguments<T>& in, int64_t group) {
  return 1 / std::sqrt(in.variance[group] + in.eps);
}

/// dy, or 0 where the ReLU cut the value off (a NaN was not passed on either).
template <class T>
__device__ inline compute_t<T> through_relu(const NormArguments<T>& in,
                                            const cuda::NormTables<T>& tables, int64_t i,
                                            const T* dy) {
  if (!in.relu) return dy[i];
  using Value = compute_t<T>;
  const Value centered = in.x[i] - tables.mean[tables.at(in.g, i)];
  return tables.value(in, i, centered) > 0 ? static_cast<Value>(dy[i]) : Value{0};
}

/// Sums over the positions of a channel of a sample: of the gradient g, and of g (x - mean).
template <class T>
struct GradientSums {
  NormArguments<T> in;
  cuda::NormTables<T> tables;
  const T* dy;
  __device__ void operator()(int64_t sample, int64_t position, int64_t channel,
                             cuda::Sums<2>& sums) const {
    const int64_t i = (sample * in.g.positions + position) * in.g.channels() + channel;
    const double g = static_cast<double>(through_relu(in, tables, i, dy));
    const double mean = in.mean[sample * in.g.groups + in.g.group_of(channel)];
    sums.value[0] += g;
    sums.value[1] += g * (static_cast<double>(in.x[i]) - mean);
  }
};

/// Into [samples, channels].
struct StoreSums {
  int64_t channels;
  cuda::Sums<2>* to;
  __device__ void operator()(int64_t sample, int64_t channel, const cuda::Sums<2>& sums) const {
    to[sample * channels + channel] = sums;
  }
};

/// Over the samples: dbeta and dgamma of a channel.
template <class T>
struct AffineSums {
  NormArguments<T> in;
  const cuda::Sums<2>* from;
  __device__ void operator()(int64_t, int64_t sample, int64_t channel, cuda::Sums<2>& sums) const {
    const cuda::Sums<2>& of = from[sample * in.g.channels() + channel];
    sums.value[0] += of.value[0];
    sums.value[1] +=
        of.value[1] * inverse_deviation(in, sample * in.g.groups + in.g.group_of(channel));
  }
};

template <class T>
struct StoreAffine {
  NormGradients<T> out;
  __device__ void operator()(int64_t, int64_t channel, const cuda::Sums<2>& sums) const {
    if (out.dbeta) out.dbeta[channel] = static_cast<compute_t<T>>(sums.value[0]);
    if (out.dgamma) out.dgamma[channel] = static_cast<compute_t<T>>(sums.value[1]);
  }
};

/// Over the channels of a group.
template <class T>
struct GroupSums {
  NormArguments<T> in;
  const cuda::Sums<2>* from;
  __device__ void operator()(int64_t group, int64_t row, int64_t, cuda::Sums<2>& sums) const {
    const int64_t sample = group / in.g.groups;
    const int64_t channel = group % in.g.groups * in.g.group_size + row;
    const cuda::Sums<2>& of = from[sample * in.g.channels() + channel];
    for (int k = 0; k < 2; ++k) sums.value[k] += gamma_of(in, channel) * of.value[k];
  }
};

/// What the means of the group take from every dx: lift + slope (x - mean), [samples, groups].
template <class T>
struct StoreMeans {
  NormArguments<T> in;
  compute_t<T>*lift, *slope;
  __device__ void operator()(int64_t group, int64_t, const cuda::Sums<2>& sums) const {
    const double n = static_cast<double>(in.g.positions * in.g.group_size);
    const double inverse = inverse_deviation(in, group);
    lift[group] = static_cast<compute_t<T>>(sums.value[0] * inverse / n);
    slope[group] = static_cast<compute_t<T>>(sums.value[1] * inverse * inverse * inverse / n);
  }
};

/// dx = scale g - lift - slope (x - mean); lift and slope are null where the statistics are
/// constants.
template <class T>
__global__ void input_kernel(int64_t n, NormArguments<T> in, cuda::NormTables<T> tables,
                             const compute_t<T>* lift, const compute_t<T>* slope, const T* dy,
                             T* dx, T* dresidual) {
  using Value = compute_t<T>;
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  const int64_t channels = in.g.channels();
  const int64_t group = i / channels / in.g.positions * in.g.groups + in.g.group_of(i % channels);
  const int64_t k = tables.at(in.g, i);
  const Value g = through_relu(in, tables, i, dy);
  const Value centered = in.x[i] - tables.mean[k];
  if (dresidual) dresidual[i] = static_cast<T>(g);
  if (dx)
    dx[i] = static_cast<T>(tables.scale[k] * g -
                           (lift ? lift[group] + slope[group] * centered : Value{0}));
}

}  // namespace

template <Device D, class T>
void norm_backward(const NormArguments<T>& in, const T* dy, const NormGradients<T>& out) {
  const char* const op = "norm_backward";
  const NormGeometry& g = in.g;
  const int64_t channels = g.channels(), n = g.samples * g.positions * channels;
  if (n == 0) return;
  cuda::NormTablesMaker<T> tables(op, in);
  const bool means = out.dx && !in.constant_statistics;
  std::optional<cuda::Scratch<compute_t<T>>> lift, slope;
  if (out.dgamma || out.dbeta || means) {
    cuda::Scratch<cuda::Sums<2>> sums(g.samples * channels);
    cuda::sum<2>(op, {g.samples, g.positions, channels}, GradientSums<T>{in, tables.tables(), dy},
                 StoreSums{channels, sums.data()});
    if (out.dgamma || out.dbeta)
      cuda::sum<2>(op, {1, g.samples, channels}, AffineSums<T>{in, sums.data()},
                   StoreAffine<T>{out});
    if (means) {
      lift.emplace(g.samples * g.groups);
      slope.emplace(g.samples * g.groups);
      cuda::sum<2>(op, {g.samples * g.groups, g.group_size, 1}, GroupSums<T>{in, sums.data()},
                   StoreMeans<T>{in, lift->data(), slope->data()});
    }
  }
  if (!out.dx && !out.dresidual) return;
  cuda::launch(op, cuda::one_thread_each(n), input_kernel<T>, n, in, tables.tables(),
               lift ? lift->data() : nullptr, slope ? slope->data() : nullptr, dy, out.dx,
               out.dresidual);
}

template void norm_backward<Device::cuda, float>(const NormArguments<float>&, const float*,
                                                 const NormGradients<float>&);
template void norm_backward<Device::cuda, double>(const NormArguments<double>&, const double*,
                                                  const NormGradients<double>&);
template void norm_backward<Device::cuda, bf16>(const NormArguments<bf16>&, const bf16*,
                                                const NormGradients<bf16>&);

}  // namespace pixelgrad::kernels
