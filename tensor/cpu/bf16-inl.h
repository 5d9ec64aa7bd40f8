// Vectors of f32 from and to values that are stored as bf16, beside those of a type's own. Compiled
// once per SIMD target; see lanes-inl.h.
#if defined(PIXELGRAD_TENSOR_CPU_BF16_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_BF16_INL
#undef PIXELGRAD_TENSOR_CPU_BF16_INL
#else
#define PIXELGRAD_TENSOR_CPU_BF16_INL
#endif

#include <hwy/highway.h>

#include "tensor/bf16.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> load_values(D d, const hn::TFromD<D>* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> load_values(D d, const bf16* from) {
  const hn::Rebind<uint16_t, D> halves;
  const auto upper = hn::PromoteTo(hn::RebindToUnsigned<D>(), hn::LoadU(halves, &from->bits));
  return hn::BitCast(d, hn::ShiftLeft<16>(upper));
}

template <class D>
HWY_INLINE void store_values(D d, hn::Vec<D> v, hn::TFromD<D>* to) {
  hn::StoreU(v, d, to);
}
/// Rounds as bf16's constructor does.
template <class D>
HWY_INLINE void store_values(D, hn::Vec<D> v, bf16* to) {
  const hn::RebindToUnsigned<D> words;
  const hn::Rebind<uint16_t, D> halves;
  const auto u = hn::BitCast(words, v);
  const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(words, 1));
  const auto rounded = hn::Add(u, hn::Add(odd, hn::Set(words, 0x7FFF)));
  const auto quiet_nan = hn::Or(u, hn::Set(words, 0x400000));
  const auto is_nan = hn::RebindMask(words, hn::IsNaN(v));
  const auto upper = hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet_nan, rounded));
  const hn::RebindToSigned<decltype(words)> positive;  // below 2^16, so nothing saturates
  hn::StoreU(hn::DemoteTo(halves, hn::BitCast(positive, upper)), halves, &to->bits);
}

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
