#pragma once
#include <cuda_runtime.h>

// Dynamic shared memory, as nvcc and as the emulator want it.
#ifdef PIXELGRAD_CUDA_EMULATED
#define DYNAMIC_SHARED(T, name) T* const name = static_cast<T*>(emulator::dynamic_shared())
#else
#define DYNAMIC_SHARED(T, name)              \
  extern __shared__ unsigned char dynamic[]; \
  T* const name = reinterpret_cast<T*>(dynamic)
#endif
