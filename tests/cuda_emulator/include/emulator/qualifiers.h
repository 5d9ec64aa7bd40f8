#pragma once
// CUDA's words for where code runs and data lives, as they read in plain C++.
#include <cassert>

#define PIXELGRAD_CUDA_EMULATED 1

#define __global__ __attribute__((unused))  // nvcc, too, is silent about kernels nobody launches
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __constant__
#define __align__(bytes) __attribute__((aligned(bytes)))

// One block runs at a time, on whatever host thread, so one variable is enough. It is not
// thread_local: AddressSanitizer sets red zones around static variables, but not around those. It
// is not filled anew for each block either; dynamic shared memory is.
#define __shared__ static
