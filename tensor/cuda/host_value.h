#pragma once
#include "tensor/transfer_internal.h"

namespace pixelgrad::cuda {

/// A value from the device. Waits for the kernels that compute it, and reports their errors as
/// those of `op`.
template <class T>
T host_value(const char* op, const T* from) {
  T value;
  transfer(op, Device::cpu, &value, Device::cuda, from, sizeof value);
  return value;
}

}  // namespace pixelgrad::cuda
