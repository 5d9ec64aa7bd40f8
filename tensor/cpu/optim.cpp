#include "tensor/kernels/optim.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/optim.cpp"
#include "tensor/cpu/simd.h"

#ifndef PIXELGRAD_TENSOR_CPU_OPTIM
#define PIXELGRAD_TENSOR_CPU_OPTIM
namespace pixelgrad::kernels {
/// What is compiled per SIMD target: each works on elements [begin, end) of one parameter.
template <class T>
struct OptimPieces {
  void (*sgd)(const SgdSlot<T>& s, int64_t begin, int64_t end);
  void (*adam)(const AdamSlot<T>& s, int64_t begin, int64_t end);
  double (*sum_of_squares)(const GradSlot<const T>& s, int64_t begin, int64_t end);
};
}  // namespace pixelgrad::kernels
#endif

// The loops below are plain: the compiler vectorises them once for each target. They are bound by
// memory, and one pass over each parameter is all there is to win.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {

template <class T>
void sgd(const SgdSlot<T>& s, int64_t begin, int64_t end) {
  const SgdRule<T> rule = s.rule;
  const T* HWY_RESTRICT grad = s.grad;
  T* HWY_RESTRICT param = s.param;
  T* HWY_RESTRICT velocity = s.velocity;
  if (velocity) {
    for (int64_t i = begin; i < end; ++i) rule(grad[i], param[i], velocity[i]);
  } else {
    for (int64_t i = begin; i < end; ++i) rule(grad[i], param[i]);
  }
}

template <class T>
void adam(const AdamSlot<T>& s, int64_t begin, int64_t end) {
  const AdamRule<T> rule = s.rule;
  const T* HWY_RESTRICT grad = s.grad;
  T* HWY_RESTRICT param = s.param;
  T* HWY_RESTRICT mean = s.mean;
  T* HWY_RESTRICT square = s.square;
  for (int64_t i = begin; i < end; ++i) rule(grad[i], param[i], mean[i], square[i]);
}

/// Sixteen running sums, whatever the vector width, so that the order of additions is the same.
template <class T>
double sum_of_squares(const GradSlot<const T>& s, int64_t begin, int64_t end) {
  constexpr int64_t lanes = 16;
  double sums[lanes] = {};
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes)
    for (int64_t k = 0; k < lanes; ++k) {
      const double g = static_cast<double>(s.grad[i + k]);
      sums[k] += g * g;
    }
  for (int64_t k = 0; i < end; ++i, ++k) {
    const double g = static_cast<double>(s.grad[i]);
    sums[k] += g * g;
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

template <class T>
OptimPieces<T> pieces() {
  return {.sgd = sgd<T>, .adam = adam<T>, .sum_of_squares = sum_of_squares<T>};
}
OptimPieces<float> pieces_f32() { return pieces<float>(); }
OptimPieces<double> pieces_f64() { return pieces<double>(); }

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

HWY_EXPORT(pieces_f32);
HWY_EXPORT(pieces_f64);
template <class T>
OptimPieces<T> best_pieces() {
  if constexpr (std::is_same_v<T, float>)
    return HWY_DYNAMIC_DISPATCH(pieces_f32)();
  else
    return HWY_DYNAMIC_DISPATCH(pieces_f64)();
}

/// Calls f(tile, slot, begin, end) for the pieces that cover all slots. The slots are seen as one
/// long array that is cut into tiles of equal size: a tile may hold many small parameters, or a
/// part of a large one.
template <class Slot>
class Tiles {
 public:
  explicit Tiles(std::span<const Slot> slots) : slots_(slots) {
    starts_.reserve(slots.size());
    for (const Slot& s : slots) {
      starts_.push_back(total_);
      total_ += s.n;
    }
  }

  int64_t count() const { return (total_ + tile_size - 1) / tile_size; }

  template <class F>
  void for_each(const F& f) const {
    parallel_for(count(), [&](int64_t tile) {
      int64_t at = tile * tile_size;
      const int64_t stop = std::min(total_, at + tile_size);
      auto k = static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), at) -
                                   starts_.begin() - 1);
      for (; at < stop; ++k) {
        const int64_t end = std::min(stop, starts_[k] + slots_[k].n);
        f(tile, slots_[k], at - starts_[k], end - starts_[k]);
        at = end;
      }
    });
  }

 private:
  static constexpr int64_t tile_size = 1 << 15;
  std::span<const Slot> slots_;
  std::vector<int64_t> starts_;
  int64_t total_ = 0;
};

}  // namespace

template <Device D, class T>
void sgd_step(std::span<const SgdSlot<T>> slots, const int32_t* halted) {
  if (halted && *halted != 0) return;
  const auto piece = best_pieces<T>().sgd;
  Tiles(slots).for_each(
      [&](int64_t, const SgdSlot<T>& s, int64_t begin, int64_t end) { piece(s, begin, end); });
}

template <Device D, class T>
void adam_step(std::span<const AdamSlot<T>> slots, const int32_t* halted) {
  if (halted && *halted != 0) return;
  const auto piece = best_pieces<T>().adam;
  Tiles(slots).for_each(
      [&](int64_t, const AdamSlot<T>& s, int64_t begin, int64_t end) { piece(s, begin, end); });
}

template <Device D, class T>
void gradient_norm(std::span<const GradSlot<const T>> slots, double* norm) {
  const auto piece = best_pieces<T>().sum_of_squares;
  const Tiles tiles(slots);
  std::vector<double> partial(static_cast<size_t>(tiles.count()));
  tiles.for_each([&](int64_t tile, const GradSlot<const T>& s, int64_t begin, int64_t end) {
    partial[static_cast<size_t>(tile)] += piece(s, begin, end);
  });
  double total = 0;
  for (const double p : partial) total += p;
  *norm = std::sqrt(total);
}

template <Device D, class T>
void clip_to_norm(std::span<const GradSlot<T>> slots, const double* norm, double max_norm) {
  const double factor = clip_factor(*norm, max_norm);
  if (factor == 1) return;
  const T by = static_cast<T>(factor);
  Tiles(slots).for_each([by](int64_t, const GradSlot<T>& s, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) s.grad[i] *= by;
  });
}

template <Device D, class T>
void halt_unless_finite(const T* loss, const double* norm, int32_t* halted) {
  if (!std::isfinite(*loss) || !std::isfinite(*norm)) *halted = 1;
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void sgd_step<Device::cpu, T>(std::span<const SgdSlot<T>>, const int32_t*);             \
  template void adam_step<Device::cpu, T>(std::span<const AdamSlot<T>>, const int32_t*);           \
  template void gradient_norm<Device::cpu, T>(std::span<const GradSlot<const T>>, double*);        \
  template void clip_to_norm<Device::cpu, T>(std::span<const GradSlot<T>>, const double*, double); \
  template void halt_unless_finite<Device::cpu, T>(const T*, const double*, int32_t*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE
