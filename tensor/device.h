#pragma once
#include <cstdint>
#include <string_view>

/// Marks formulas and index arithmetic that CPU and CUDA kernels share.
#ifdef __CUDACC__
#define PIXELGRAD_HD __host__ __device__
#else
#define PIXELGRAD_HD
#endif

namespace pixelgrad {

/// Where a tensor's storage lives. Part of every tensor's state.
enum class Device : uint8_t { cpu, cuda };

constexpr std::string_view name_of(Device d) { return d == Device::cpu ? "cpu" : "cuda"; }

#ifdef PIXELGRAD_CUDA
inline constexpr bool has_cuda = true;
#else
inline constexpr bool has_cuda = false;
#endif

}  // namespace pixelgrad
