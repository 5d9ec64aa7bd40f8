#include "tensor/kernels/optim.h"

#include <algorithm>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/optim.cpp"
#include "tensor/cpu/simd.h"

// The loops below are plain: the compiler vectorises them once for each target. They are bound by
// memory, and one pass over each parameter is all there is to win.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {

template <class T>
void sgd_piece(const SgdSlot<T>& s, int64_t begin, int64_t end) {
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
void adam_piece(const AdamSlot<T>& s, int64_t begin, int64_t end) {
  const AdamRule<T> rule = s.rule;
  const T* HWY_RESTRICT grad = s.grad;
  T* HWY_RESTRICT param = s.param;
  T* HWY_RESTRICT mean = s.mean;
  T* HWY_RESTRICT square = s.square;
  for (int64_t i = begin; i < end; ++i) rule(grad[i], param[i], mean[i], square[i]);
}

/// Sixteen running sums, whatever the vector width, so that the order of additions is the same.
template <class T>
double squares_piece(const GradSlot<const T>& s, int64_t begin, int64_t end) {
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

void sgd_piece_f32(const SgdSlot<float>& s, int64_t begin, int64_t end) {
  sgd_piece(s, begin, end);
}
void sgd_piece_f64(const SgdSlot<double>& s, int64_t begin, int64_t end) {
  sgd_piece(s, begin, end);
}
void adam_piece_f32(const AdamSlot<float>& s, int64_t begin, int64_t end) {
  adam_piece(s, begin, end);
}
void adam_piece_f64(const AdamSlot<double>& s, int64_t begin, int64_t end) {
  adam_piece(s, begin, end);
}
double squares_piece_f32(const GradSlot<const float>& s, int64_t begin, int64_t end) {
  return squares_piece(s, begin, end);
}
double squares_piece_f64(const GradSlot<const double>& s, int64_t begin, int64_t end) {
  return squares_piece(s, begin, end);
}

}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {

HWY_EXPORT(sgd_piece_f32);
HWY_EXPORT(sgd_piece_f64);
HWY_EXPORT(adam_piece_f32);
HWY_EXPORT(adam_piece_f64);
HWY_EXPORT(squares_piece_f32);
HWY_EXPORT(squares_piece_f64);

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
void sgd_step(std::span<const SgdSlot<T>> slots) {
  Tiles(slots).for_each([](int64_t, const SgdSlot<T>& s, int64_t begin, int64_t end) {
    if constexpr (sizeof(T) == 4)
      HWY_DYNAMIC_DISPATCH(sgd_piece_f32)(s, begin, end);
    else
      HWY_DYNAMIC_DISPATCH(sgd_piece_f64)(s, begin, end);
  });
}

template <Device D, class T>
void adam_step(std::span<const AdamSlot<T>> slots) {
  Tiles(slots).for_each([](int64_t, const AdamSlot<T>& s, int64_t begin, int64_t end) {
    if constexpr (sizeof(T) == 4)
      HWY_DYNAMIC_DISPATCH(adam_piece_f32)(s, begin, end);
    else
      HWY_DYNAMIC_DISPATCH(adam_piece_f64)(s, begin, end);
  });
}

template <Device D, class T>
double sum_of_squares(std::span<const GradSlot<const T>> slots) {
  const Tiles tiles(slots);
  std::vector<double> sums(static_cast<size_t>(tiles.count()));
  tiles.for_each([&](int64_t tile, const GradSlot<const T>& s, int64_t begin, int64_t end) {
    double& sum = sums[static_cast<size_t>(tile)];
    if constexpr (sizeof(T) == 4)
      sum += HWY_DYNAMIC_DISPATCH(squares_piece_f32)(s, begin, end);
    else
      sum += HWY_DYNAMIC_DISPATCH(squares_piece_f64)(s, begin, end);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

template <Device D, class T>
void scale_all(std::span<const GradSlot<T>> slots, double factor) {
  const T by = static_cast<T>(factor);
  Tiles(slots).for_each([by](int64_t, const GradSlot<T>& s, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) s.grad[i] *= by;
  });
}

template void sgd_step<Device::cpu, float>(std::span<const SgdSlot<float>>);
template void sgd_step<Device::cpu, double>(std::span<const SgdSlot<double>>);
template void adam_step<Device::cpu, float>(std::span<const AdamSlot<float>>);
template void adam_step<Device::cpu, double>(std::span<const AdamSlot<double>>);
template double sum_of_squares<Device::cpu, float>(std::span<const GradSlot<const float>>);
template double sum_of_squares<Device::cpu, double>(std::span<const GradSlot<const double>>);
template void scale_all<Device::cpu, float>(std::span<const GradSlot<float>>, double);
template void scale_all<Device::cpu, double>(std::span<const GradSlot<double>>, double);

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE
