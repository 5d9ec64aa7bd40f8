#pragma once
#include <string>

#include "tensor/tensor.h"

namespace pixelgrad {

/// Why the CUDA device cannot be used; empty where it can.
inline std::string device_error() {
  try {
    Tensor::scalar(1, Dtype::f32, Device::cuda);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

}  // namespace pixelgrad
