#include "tensor/kernels/values.h"

#include <algorithm>
#include <type_traits>

#include "tensor/cpu/bf16.h"

namespace pixelgrad::kernels {

template <Device D, class T>
void fill(int64_t n, T value, T* x) {
  std::fill_n(x, n, value);
}

template <Device D, class From, class To>
void convert(int64_t n, const From* from, To* to) {
  if constexpr (std::is_same_v<From, bf16> && std::is_same_v<To, float>)
    cpu::widen(n, from, to);
  else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, bf16>)
    cpu::narrow(n, from, to);
  else
    std::transform(from, from + n, to, [](From value) { return static_cast<To>(value); });
}

#define PIXELGRAD_CONVERT(From, To) template void convert<Device::cpu>(int64_t, const From*, To*);
#define PIXELGRAD_INSTANTIATE(T)                   \
  template void fill<Device::cpu>(int64_t, T, T*); \
  PIXELGRAD_CONVERT(T, float)                      \
  PIXELGRAD_CONVERT(T, double)                     \
  PIXELGRAD_CONVERT(T, uint8_t)                    \
  PIXELGRAD_CONVERT(T, int32_t)                    \
  PIXELGRAD_CONVERT(T, int64_t)                    \
  PIXELGRAD_CONVERT(T, bf16)
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(uint8_t)
PIXELGRAD_INSTANTIATE(int32_t)
PIXELGRAD_INSTANTIATE(int64_t)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE
#undef PIXELGRAD_CONVERT

}  // namespace pixelgrad::kernels
