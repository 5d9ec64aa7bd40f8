#include "tensor/kernels/binary.h"

#include "tensor/cuda/launch.h"
#include "tensor/cuda/number.h"
#include "tensor/cuda/operand.h"
#include "tensor/dtype.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad::kernels {
namespace {
#include "tensor/kernels/binary-inl.h"

template <class Formula, class T>
__global__ void forward_kernel(int64_t n, Operand<T> a, Operand<T> b, T* y) {
  const int64_t i = cuda::thread_number();
  using Value = compute_t<T>;
  if (i >= n) return;
  const Value left = cuda::value_at(a, i), right = cuda::value_at(b, i);
  y[i] = static_cast<T>(Formula::forward(left, right).v);
}

/// What is absent is not read; the gradient stands in for it.
template <class Formula, Side side, class T>
__global__ void backward_kernel(int64_t n, Operand<T> a, Operand<T> b, const T* y, const T* dy,
                                T* dx) {
  const int64_t i = cuda::thread_number();
  if (i >= n) return;
  using Value = compute_t<T>;
  const Value left = a.data ? cuda::value_at(a, i) : dy[i];
  const Value right = b.data ? cuda::value_at(b, i) : dy[i];
  const Value output = y ? y[i] : dy[i], gradient = dy[i];
  if constexpr (side == Side::left)
    dx[i] = static_cast<T>(Formula::left(left, right, output, gradient).v);
  else
    dx[i] = static_cast<T>(Formula::right(left, right, output, gradient).v);
}

template <class T>
__global__ void where_kernel(int64_t n, Operand<uint8_t> condition, Operand<T> a, Operand<T> b,
                             T* y) {
  const int64_t i = cuda::thread_number();
  if (i < n) y[i] = cuda::value_at(condition, i) ? cuda::value_at(a, i) : cuda::value_at(b, i);
}

}  // namespace

template <Device D, class T>
void binary_forward(BinaryOp op, int64_t n, const Operand<T>& a, const Operand<T>& b, T* y) {
  if (n == 0) return;
  with_formula<cuda::Number<compute_t<T>>>(op, [&]<class Formula>(const Formula&) {
    cuda::launch("binary_forward", cuda::one_thread_each(n), forward_kernel<Formula, T>, n, a, b,
                 y);
  });
}

template <Device D, class T>
void binary_backward(BinaryOp op, Side side, int64_t n, const Operand<T>& a, const Operand<T>& b,
                     const T* y, const T* dy, T* dx) {
  if (n == 0) return;
  with_formula<cuda::Number<compute_t<T>>>(op, [&]<class Formula>(const Formula&) {
    cuda::launch("binary_backward", cuda::one_thread_each(n),
                 side == Side::left ? backward_kernel<Formula, Side::left, T>
                                    : backward_kernel<Formula, Side::right, T>,
                 n, a, b, y, dy, dx);
  });
}

template <Device D, class T>
void where(int64_t n, const Operand<uint8_t>& condition, const Operand<T>& a, const Operand<T>& b,
           T* y) {
  if (n > 0)
    cuda::launch("where", cuda::one_thread_each(n), where_kernel<T>, n, condition, a, b, y);
}

#define PIXELGRAD_INSTANTIATE(T)                                                             \
  template void binary_forward<Device::cuda, T>(BinaryOp, int64_t, const Operand<T>&,        \
                                                const Operand<T>&, T*);                      \
  template void binary_backward<Device::cuda, T>(BinaryOp, Side, int64_t, const Operand<T>&, \
                                                 const Operand<T>&, const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE
#define PIXELGRAD_INSTANTIATE(T)                                                            \
  template void where<Device::cuda, T>(int64_t, const Operand<uint8_t>&, const Operand<T>&, \
                                       const Operand<T>&, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
