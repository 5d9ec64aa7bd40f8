// How the convolution's tiles use the registers. Included once per SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_
#undef PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Values in a vector.
template <class T>
inline constexpr int64_t lanes = hn::MaxLanes(hn::ScalableTag<T>());

/// Rows of the largest tile [rows][vectors] whose sums stay in registers, beside one row of vectors
/// and one broadcast value: 14 x 2 of 32 registers, 6 x 2 or 12 x 1 of 16. A tile of 8 sums or more
/// hides the latency of the multiply-adds.
template <int vectors>
inline constexpr int max_tile =
    HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 14 : 12 / vectors;

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
