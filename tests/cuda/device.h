#pragma once
#include <string>

#include "tensor/tensor.h"
#ifdef PIXELGRAD_CUDA_EMULATED
#include <emulator/control.h>
#endif

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

/// Calls `run` again, whose results must be the bits of a run before: once on a GPU, and on the
/// emulator with the threads between two barriers in other orders than the ascending one.
template <class Run>
void run_again(const Run& run) {
#ifdef PIXELGRAD_CUDA_EMULATED
  for (const auto order : {emulator::Order::descending, emulator::Order::shuffled}) {
    emulator::set_order(order, 1);
    run();
  }
  emulator::set_order(emulator::Order::ascending);
#else
  run();
#endif
}

}  // namespace pixelgrad
