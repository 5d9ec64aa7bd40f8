// What softmax.cpp and cross_entropy.cpp share, compiled once per SIMD target (Highway's include
// guard for such headers flips with each target).
#if defined(PIXELGRAD_TENSOR_CPU_SOFTMAX_BLOCK_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_SOFTMAX_BLOCK_INL
#undef PIXELGRAD_TENSOR_CPU_SOFTMAX_BLOCK_INL
#else
#define PIXELGRAD_TENSOR_CPU_SOFTMAX_BLOCK_INL
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

/// Highway's Exp and Log give a number for a NaN; here a NaN stays one.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, x));
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_of(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Log(d, x));
}

/// Softmax of up to `capacity` rows at once. The block is turned around, classes by rows, so that a
/// SIMD lane works on a row: any number of classes, 2 or 19, fills the lanes, and no sum runs
/// across them. It stays in the first-level cache.
template <class T>
class SoftmaxBlock {
 public:
  explicit SoftmaxBlock(int64_t classes)
      : classes_(classes),
        capacity_(std::clamp<int64_t>(4096 / classes / 16 * 16, 16, 128)),
        exp_(static_cast<size_t>(classes * capacity_)),
        largest_(static_cast<size_t>(capacity_)),
        sum_(static_cast<size_t>(capacity_)),
        log_sum_(static_cast<size_t>(capacity_)) {}

  int64_t capacity() const { return capacity_; }
  /// exp(x[row][k] - largest[row]) of the last run.
  const T* exp(int64_t k) const { return exp_.data() + k * capacity_; }
  const T* largest() const { return largest_.data(); }
  /// Sum over classes of exp(x - largest), at least 1, and its logarithm.
  const T* sum() const { return sum_.data(); }
  const T* log_sum() const { return log_sum_.data(); }

  /// Takes `rows` <= capacity() rows of x [rows, classes]. Lanes beyond `rows` hold numbers that
  /// nobody reads.
  void run(int64_t rows, const T* x) {
    for (int64_t p = 0; p < rows; ++p)
      for (int64_t k = 0; k < classes_; ++k)
        exp_[static_cast<size_t>(k * capacity_ + p)] = x[p * classes_ + k];
    const hn::ScalableTag<T> d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    for (int64_t p = 0; p < rows; p += lanes) {
      auto largest = hn::Set(d, -std::numeric_limits<T>::infinity());
      for (int64_t k = 0; k < classes_; ++k) largest = hn::Max(largest, hn::LoadU(d, exp(k) + p));
      auto sum = hn::Zero(d);
      for (int64_t k = 0; k < classes_; ++k) {
        T* at = exp_.data() + k * capacity_ + p;
        const auto e = exp_of(d, hn::Sub(hn::LoadU(d, at), largest));
        hn::StoreU(e, d, at);
        sum = hn::Add(sum, e);
      }
      hn::StoreU(largest, d, largest_.data() + p);
      hn::StoreU(sum, d, sum_.data() + p);
      hn::StoreU(log_of(d, sum), d, log_sum_.data() + p);
    }
  }

 private:
  int64_t classes_, capacity_;
  std::vector<T> exp_, largest_, sum_, log_sum_;
};

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
