#pragma once
#include <cmath>

#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"
#include "tensor/kernels/norm.h"

namespace pixelgrad::cuda {

/// What a norm multiplies with and adds, in the type it computes in, for each channel of each
/// sample: [samples, channels]. Forward and backward make them alike, so that the backward's ReLU
/// cuts off exactly what the forward's did.
template <class T>
struct NormTables {
  using Value = compute_t<T>;
  Value *mean, *scale, *offset;

  /// Where the numbers for element i of x stand.
  __device__ int64_t at(const kernels::NormGeometry& g, int64_t i) const {
    const int64_t channels = g.channels();
    return i / channels / g.positions * channels + i % channels;
  }
  /// The value of element i before the ReLU, from x - mean.
  __device__ Value value(const kernels::NormArguments<T>& in, int64_t i, Value centered) const {
    const int64_t k = at(in.g, i);
    const Value pre = std::fma(centered, scale[k], offset[k]);
    return in.residual ? pre + in.residual[i] : pre;
  }
};

template <class T>
__global__ void norm_tables_kernel(int64_t n, kernels::NormArguments<T> in, NormTables<T> out) {
  const int64_t i = thread_number();
  if (i >= n) return;
  const int64_t channel = i % in.g.channels(), sample = i / in.g.channels();
  const int64_t group = sample * in.g.groups + in.g.group_of(channel);
  const double inverse = 1 / std::sqrt(in.variance[group] + in.eps);
  using Value = compute_t<T>;
  out.mean[i] = static_cast<Value>(in.mean[group]);
  out.scale[i] =
      static_cast<Value>((in.gamma ? static_cast<double>(in.gamma[channel]) : 1.0) * inverse);
  out.offset[i] = in.beta ? in.beta[channel] : Value{0};
}

/// The tables of a call, in memory of their own.
template <class T>
class NormTablesMaker {
 public:
  NormTablesMaker(const char* op, const kernels::NormArguments<T>& in)
      : size_(in.g.samples * in.g.channels()), memory_(3 * size_) {
    launch(op, one_thread_each(size_), norm_tables_kernel<T>, size_, in, tables());
  }
  NormTables<T> tables() {
    return {memory_.data(), memory_.data() + size_, memory_.data() + 2 * size_};
  }

 private:
  int64_t size_;
  Scratch<compute_t<T>> memory_;
};

}  // namespace pixelgrad::cuda
