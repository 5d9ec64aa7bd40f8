#pragma once
// The CUDA of the tests: kernels are plain C++ that runs on the CPU. See README.md beside include/.
#include <cuda_runtime_api.h>
#include <emulator/arithmetic.h>
#include <emulator/atomics.h>
#include <emulator/launch.h>
#include <emulator/qualifiers.h>
#include <emulator/thread.h>
#include <emulator/vector_types.h>
#include <emulator/warp.h>
