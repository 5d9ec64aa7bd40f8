#include "tensor/kernels/binary.h"

#include "tensor/cpu/broadcast.h"
#include "tensor/dtype.h"
#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/binary.cpp"
#include "tensor/cpu/simd.h"
// After simd.h: highway.h first, then what builds on it.
#include "tensor/cpu/lanes-inl.h"

#ifndef PIXELGRAD_TENSOR_CPU_BINARY
#define PIXELGRAD_TENSOR_CPU_BINARY
namespace pixelgrad::kernels {
/// Contiguous pieces of n values.
template <class T>
struct BinaryPiece {
  int64_t n;
  const T *a, *b, *y, *dy;
};

/// Each works on one piece, on one thread.
template <class T>
struct BinaryTiles {
  void (*forward)(BinaryOp op, const BinaryPiece<T>& p, T* y);
  void (*backward)(BinaryOp op, Side side, const BinaryPiece<T>& p, T* dx);
};
}  // namespace pixelgrad::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::kernels::HWY_NAMESPACE {
namespace {
#include "tensor/kernels/binary-inl.h"

// The values behind the last whole vector go through a padded one: a value is computed by the same
// instructions wherever it lies.

template <class T>
struct Padded {
  using V = Lanes<compute_t<T>>;
  T values[V::most] = {};
  Padded(const T* from, int64_t n) { std::copy_n(from, n, values); }
  V load() const { return V::load(values); }
};

template <class T>
struct Forward {
  const BinaryPiece<T>& p;
  T* y;

  template <class Formula>
  void operator()(const Formula&) const {
    using V = Lanes<compute_t<T>>;
    int64_t i = 0;
    for (; i + V::count() <= p.n; i += V::count())
      Formula::forward(V::load(p.a + i), V::load(p.b + i)).store(y + i);
    if (i == p.n) return;
    Padded<T> a(p.a + i, p.n - i), b(p.b + i, p.n - i);
    Formula::forward(a.load(), b.load()).store(a.values);
    std::copy_n(a.values, p.n - i, y + i);
  }
};

template <class T>
struct Backward {
  using V = Lanes<compute_t<T>>;
  Side side;
  const BinaryPiece<T>& p;
  T* dx;

  template <class Formula>
  void operator()(const Formula&) const {
    side == Side::left ? run<Formula, Side::left>() : run<Formula, Side::right>();
  }

  template <class Formula, Side of>
  static HWY_INLINE V gradient(V a, V b, V y, V dy) {
    if constexpr (of == Side::left) return Formula::left(a, b, y, dy);
    return Formula::right(a, b, y, dy);
  }

  template <class Formula, Side of>
  void run() const {
    int64_t i = 0;
    for (; i + V::count() <= p.n; i += V::count())
      gradient<Formula, of>(V::load(p.a + i), V::load(p.b + i), V::load(p.y + i), V::load(p.dy + i))
          .store(dx + i);
    if (i == p.n) return;
    const int64_t n = p.n - i;
    Padded<T> a(p.a + i, n), b(p.b + i, n), y(p.y + i, n), dy(p.dy + i, n);
    gradient<Formula, of>(a.load(), b.load(), y.load(), dy.load()).store(a.values);
    std::copy_n(a.values, n, dx + i);
  }
};

template <class T>
void forward(BinaryOp op, const BinaryPiece<T>& p, T* y) {
  with_formula<Lanes<compute_t<T>>>(op, Forward<T>{p, y});
}

template <class T>
void backward(BinaryOp op, Side side, const BinaryPiece<T>& p, T* dx) {
  with_formula<Lanes<compute_t<T>>>(op, Backward<T>{side, p, dx});
}

template <class T>
BinaryTiles<T> tiles() {
  return {.forward = forward<T>, .backward = backward<T>};
}
PIXELGRAD_TARGET_ACTIVATION_TILES(BinaryTiles)

}  // namespace
}  // namespace pixelgrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::kernels {
namespace {
PIXELGRAD_BEST_ACTIVATION_TILES(BinaryTiles)

/// Calls f(begin, n) for pieces of [0, n) that an OperandReader can give, within tiles on several
/// threads; `make` makes what a tile works with.
template <class Make, class F>
void for_each_piece(int64_t n, Make make, F f) {
  constexpr int64_t grain = 1 << 15, piece = OperandReader<float>::max_piece;
  parallel_range(n, grain, [&](int64_t begin, int64_t end) {
    auto readers = make();
    for (int64_t i = begin; i < end; i += piece) f(readers, i, std::min(piece, end - i));
  });
}

template <class T>
struct Readers {
  OperandReader<T> a, b;
};

}  // namespace

template <Device D, class T>
void binary_forward(BinaryOp op, int64_t n, const Operand<T>& a, const Operand<T>& b, T* y) {
  const auto tile = best_tiles<T>().forward;
  for_each_piece(
      n,
      [&] {
        return Readers<T>{OperandReader<T>(a), OperandReader<T>(b)};
      },
      [&](Readers<T>& from, int64_t i, int64_t count) {
        const BinaryPiece<T> piece{count, from.a.read(i, count), from.b.read(i, count), nullptr,
                                   nullptr};
        tile(op, piece, y + i);
      });
}

template <Device D, class T>
void binary_backward(BinaryOp op, Side side, int64_t n, const Operand<T>& a, const Operand<T>& b,
                     const T* y, const T* dy, T* dx) {
  const auto tile = best_tiles<T>().backward;
  for_each_piece(
      n,
      [&] {
        return Readers<T>{OperandReader<T>(a), OperandReader<T>(b)};
      },
      [&](Readers<T>& from, int64_t i, int64_t count) {
        // What is absent is not read; the gradient stands in for it.
        const BinaryPiece<T> piece{count, a.data ? from.a.read(i, count) : dy + i,
                                   b.data ? from.b.read(i, count) : dy + i, (y ? y : dy) + i,
                                   dy + i};
        tile(op, side, piece, dx + i);
      });
}

template <Device D, class T>
void where(int64_t n, const Operand<uint8_t>& condition, const Operand<T>& a, const Operand<T>& b,
           T* y) {
  struct Three {
    OperandReader<uint8_t> condition;
    OperandReader<T> a, b;
  };
  for_each_piece(
      n,
      [&] {
        return Three{OperandReader<uint8_t>(condition), OperandReader<T>(a), OperandReader<T>(b)};
      },
      [&](Three& from, int64_t i, int64_t count) {
        const uint8_t* yes = from.condition.read(i, count);
        const T *left = from.a.read(i, count), *right = from.b.read(i, count);
        for (int64_t k = 0; k < count; ++k) y[i + k] = yes[k] ? left[k] : right[k];
      });
}

#define PIXELGRAD_INSTANTIATE(T)                                                            \
  template void binary_forward<Device::cpu, T>(BinaryOp, int64_t, const Operand<T>&,        \
                                               const Operand<T>&, T*);                      \
  template void binary_backward<Device::cpu, T>(BinaryOp, Side, int64_t, const Operand<T>&, \
                                                const Operand<T>&, const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE
#define PIXELGRAD_INSTANTIATE(T)                                                           \
  template void where<Device::cpu, T>(int64_t, const Operand<uint8_t>&, const Operand<T>&, \
                                      const Operand<T>&, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
#endif  // HWY_ONCE
