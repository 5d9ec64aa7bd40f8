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

#ifdef PIXELGRAD_CUDA_EMULATED
/// Whether kernels, and copies on their stream, are done at once or as late as CUDA allows.
inline void set_pace(bool late_kernels, bool late_copies) {
  const bool late = late_kernels || late_copies;
  if (late) poison_device_memory = false;
  emulator::set_late(cuda::stream(), late_kernels);
  emulator::set_late(cuda::copy_stream(), late_copies);
  if (!late) poison_device_memory = true;  // now that all is done
}
#endif

/// Calls f for each pace of the two streams that the emulator has.
template <class F>
void at_every_pace(const F& f) {
#ifdef PIXELGRAD_CUDA_EMULATED
  for (const bool late_kernels : {false, true})
    for (const bool late_copies : {false, true}) {
      SCOPED_TRACE(std::string(late_kernels ? "late kernels" : "kernels at once") +
                   (late_copies ? ", late copies" : ", copies at once"));
      set_pace(late_kernels, late_copies);
      f();
    }
  set_pace(false, false);
#else
  f();
#endif
}

}  // namespace pixelgrad
