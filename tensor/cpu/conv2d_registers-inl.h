// How the convolution's tiles use the registers. Included once per SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_
#undef PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_CONV2D_REGISTERS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Values in a vector.
template <class T>
inline constexpr int64_t lanes = hn::MaxLanes(hn::ScalableTag<T>());

/// Rows of the largest tile [rows][vectors] whose sums stay in registers, beside one row of vectors
/// and one broadcast value: 14 x 2 or 9 x 3 of 32 registers, 6 x 2 or 12 x 1 of 16. A tile of 8
/// sums or more hides the latency of the multiply-adds.
template <int vectors>
inline constexpr int max_tile = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
                                    ? std::min(14, 28 / vectors)
                                    : 12 / vectors;

/// sum + *x * v. On AVX-512 the multiply-add itself spreads the value over all lanes, which saves
/// the instruction that would; but each such multiply-add is also a load, of which the processor
/// does two a cycle, as many as multiply-adds.
template <class D, class T>
HWY_INLINE hn::Vec<D> mul_add_from_memory(D d, const T* x, hn::Vec<D> v, hn::Vec<D> sum) {
#if HWY_TARGET == HWY_AVX3  // a compiler loads the value once and keeps it, where it is used twice
  if constexpr (sizeof(T) == 4)
    asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum.raw) : "v"(v.raw), "m"(*x));
  else
    asm("vfmadd231pd %2%{1to8%}, %1, %0" : "+v"(sum.raw) : "v"(v.raw), "m"(*x));
  return sum;
#else
  return hn::MulAdd(hn::Set(d, *x), v, sum);
#endif
}

/// sum[m][k] += x[m * step] * v[k] for a tile of M rows and K vectors. A third of the rows take
/// their value from memory: a loop of fewer instructions suffers less from another thread on the
/// same core, and with more of them loads would be what limits it.
template <int M, int K, class D, class T>
HWY_INLINE void mul_add_tile(D d, const T* HWY_RESTRICT x, int64_t step, const hn::Vec<D> (&v)[K],
                             hn::Vec<D> (&sum)[M][K]) {
  constexpr int from_memory = HWY_TARGET == HWY_AVX3 ? M / 3 : 0;
  HWY_UNROLL(16)
  for (int m = 0; m < M; ++m) {
    if (m < from_memory) {
      for (int k = 0; k < K; ++k) sum[m][k] = mul_add_from_memory(d, x + m * step, v[k], sum[m][k]);
    } else {
      const auto value = hn::Set(d, x[m * step]);
      for (int k = 0; k < K; ++k) sum[m][k] = hn::MulAdd(value, v[k], sum[m][k]);
    }
  }
}

// Vectors at the end of a row, of which `count` lanes are there, and nothing else is touched: by
// masks where the processor has them.
inline constexpr bool has_masks = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

template <class D, class T>
HWY_INLINE hn::Vec<D> load_part(D d, const T* from, int64_t count) {
  if constexpr (has_masks)
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
  T lane[hn::MaxLanes(d)] = {};
  std::copy_n(from, count, lane);
  return hn::LoadU(d, lane);
}

template <class D, class T>
HWY_INLINE void store_part(D d, hn::Vec<D> v, T* to, int64_t count) {
  if constexpr (has_masks)
    return hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, to);
  T lane[hn::MaxLanes(d)];
  hn::StoreU(v, d, lane);
  std::copy_n(lane, count, to);
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
