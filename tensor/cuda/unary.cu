#include "tensor/kernels/unary.h"

#include "tensor/cuda/launch.h"
#include "tensor/cuda/number.h"
#include "tensor/dtype.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad::kernels {
namespace {
#include "tensor/kernels/unary-inl.h"

template <class Formula, class T>
__global__ void forward_kernel(Formula formula, int64_t n, const T* x, T* y) {
  const int64_t i = cuda::thread_number();
  if (i < n) y[i] = static_cast<T>(formula.forward(compute_t<T>(x[i])).v);
}

template <class Formula, class T>
__global__ void backward_kernel(Formula formula, int64_t n, const T* saved, const T* dy, T* dx) {
  const int64_t i = cuda::thread_number();
  using Value = compute_t<T>;
  if (i < n) dx[i] = static_cast<T>(formula.backward(Value(saved[i]), Value(dy[i])).v);
}

}  // namespace

template <Device D, class T>
void unary_forward(UnaryOp op, const UnaryParameters& parameters, int64_t n, const T* x, T* y) {
  if (n == 0) return;
  with_formula<cuda::Number<compute_t<T>>>(
      op, parameters, [&]<class Formula>(const Formula& formula) {
        cuda::launch("unary_forward", cuda::one_thread_each(n), forward_kernel<Formula, T>, formula,
                     n, x, y);
      });
}

template <Device D, class T>
void unary_backward(UnaryOp op, const UnaryParameters& parameters, int64_t n, const T* saved,
                    const T* dy, T* dx) {
  if (n == 0) return;
  with_formula<cuda::Number<compute_t<T>>>(
      op, parameters, [&]<class Formula>(const Formula& formula) {
        cuda::launch("unary_backward", cuda::one_thread_each(n), backward_kernel<Formula, T>,
                     formula, n, saved, dy, dx);
      });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                   \
  template void unary_forward<Device::cuda, T>(UnaryOp, const UnaryParameters&, int64_t, const T*, \
                                               T*);                                                \
  template void unary_backward<Device::cuda, T>(UnaryOp, const UnaryParameters&, int64_t,          \
                                                const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
