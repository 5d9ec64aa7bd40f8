#pragma once
#include "tensor/check.h"
#include "tensor/dry_run.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Calls f.template operator()<D>() with the device of `x` as a template argument.
template <class F>
auto dispatch_device(Device device, F&& f) {
#ifdef PIXELGRAD_CUDA
  if (device == Device::cuda) return f.template operator()<Device::cuda>();
#endif
  check(device == Device::cpu, "[dispatch] this build has no ", device, " backend");
  return f.template operator()<Device::cpu>();
}

/// Calls f.template operator()<D, T>() with the device and the floating element type of `x`.
/// A kernel that is not instantiated for a pair is a link error that names it. In a DryRun f is not
/// called, and the result is what its type has without a value.
template <class F>
auto dispatch(const Tensor& x, F&& f) {
  using Result = decltype(f.template operator()<Device::cpu, float>());
  if (DryRun::on() && is_floating(x.dtype())) return Result();
  return dispatch_device(x.device(), [&]<Device D>() {
    switch (x.dtype()) {
      case Dtype::f32:
        return f.template operator()<D, float>();
      case Dtype::f64:
        return f.template operator()<D, double>();
      default:
        throw Error(str("[dispatch] expected a tensor of f32 or f64, got ", x.dtype()));
    }
  });
}

/// Like dispatch, for kernels that also take activations stored as bf16. Their contracts say what
/// is compute_t<T> then: parameters, statistics, and the gradients of those.
template <class F>
auto dispatch_activation(const Tensor& x, F&& f) {
  if (x.dtype() != Dtype::bf16) return dispatch(x, f);
  using Result = decltype(f.template operator()<Device::cpu, float>());
  if (DryRun::on()) return Result();
  return dispatch_device(x.device(), [&]<Device D>() { return f.template operator()<D, bf16>(); });
}

/// Like dispatch, for every element type.
template <class F>
auto dispatch_all(const Tensor& x, F&& f) {
  return dispatch_device(x.device(), [&]<Device D>() {
    switch (x.dtype()) {
      case Dtype::f32:
        return f.template operator()<D, float>();
      case Dtype::f64:
        return f.template operator()<D, double>();
      case Dtype::u8:
        return f.template operator()<D, uint8_t>();
      case Dtype::i32:
        return f.template operator()<D, int32_t>();
      case Dtype::i64:
        return f.template operator()<D, int64_t>();
      case Dtype::bf16:
        return f.template operator()<D, bf16>();
    }
    throw Error("[dispatch] unknown dtype");
  });
}

}  // namespace pixelgrad
