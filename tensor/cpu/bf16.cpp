#include "tensor/cpu/bf16.h"

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/bf16.cpp"
#include "tensor/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

// Left to the compiler, which vectorises them per target.

void widen_piece(int64_t n, const bf16* from, float* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

void narrow_piece(int64_t n, const float* from, bf16* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = bf16(from[i]);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {
namespace {
HWY_EXPORT(widen_piece);
HWY_EXPORT(narrow_piece);
constexpr int64_t grain = 1 << 15;  // small tensors stay on one thread
}  // namespace

void widen(int64_t n, const bf16* from, float* to) {
  parallel_range(n, grain, [&](int64_t i, int64_t end) {
    HWY_DYNAMIC_DISPATCH(widen_piece)(end - i, from + i, to + i);
  });
}

void narrow(int64_t n, const float* from, bf16* to) {
  parallel_range(n, grain, [&](int64_t i, int64_t end) {
    HWY_DYNAMIC_DISPATCH(narrow_piece)(end - i, from + i, to + i);
  });
}

}  // namespace pixelgrad::cpu
#endif  // HWY_ONCE
