#pragma once
#include <gtest/gtest.h>

#include <string>

#ifdef PIXELGRAD_CUDA_EMULATED
#include <cuda_runtime.h>
#include <emulator/control.h>

#include "tensor/cuda/runtime.h"
#include "tensor/poison_internal.h"
#endif

namespace pixelgrad {

/// Calls f for each pace of the two streams: on the emulator they do their work at once, or as late
/// as CUDA allows.
template <class F>
void at_every_pace(const F& f) {
#ifdef PIXELGRAD_CUDA_EMULATED
  for (const bool late_kernels : {false, true})
    for (const bool late_copies : {false, true}) {
      SCOPED_TRACE(std::string(late_kernels ? "late kernels" : "kernels at once") +
                   (late_copies ? ", late copies" : ", copies at once"));
      emulator::set_late(cuda::stream(), late_kernels);
      emulator::set_late(cuda::copy_stream(), late_copies);
      poison_device_memory = !late_kernels && !late_copies;
      f();
    }
  emulator::set_late(cuda::stream(), false);
  emulator::set_late(cuda::copy_stream(), false);
  poison_device_memory = true;
#else
  f();
#endif
}

}  // namespace pixelgrad
