#include "autograd/ops/matmul.h"

#include "autograd/ops/checks_internal.h"
#include "autograd/saved.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

// A matrix product is a convolution of one tap: its rows are pixels, its columns channels. So the
// three directions of conv2d are the three products with one matrix transposed, at their speed:
//
//   conv2d_forward          y  [rows, out] = x  [rows, in]    weight [out, in]^T
//   conv2d_backward_input   dx [rows, in]  = dy [rows, out]   weight [out, in]
//   conv2d_backward_weight  dw [out, in]   = dy [rows, out]^T x      [rows, in]
namespace pixelgrad {
namespace {

kernels::Conv2dGeometry one_tap(int64_t rows, int64_t in, int64_t out) {
  return {.n = rows, .in_channels = in, .out_channels = out};
}

/// Calls f(i) for each matrix of a batch: side by side where one alone would not keep the CPU's
/// threads busy, else one after the other, each on all threads.
template <Device D, class F>
void for_each_matrix(int64_t batch, int64_t multiplications, const F& f) {
  if (D == Device::cpu && multiplications < 1 << 20)
    parallel_for(batch, f);
  else
    for (int64_t i = 0; i < batch; ++i) f(i);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check_floating("matmul", "left operand", a);
  check_floating("matmul", "right operand", b);
  check_same_kind("matmul", "left operand", a, "right operand", b);
  const Shape &as = a.shape(), &bs = b.shape();
  check(as.size() >= 2 && as.size() == bs.size() &&
            Shape(as.begin(), as.end() - 2) == Shape(bs.begin(), bs.end() - 2),
        "[matmul] operands are ", as, " and ", bs,
        ", expected matrices with equal leading dimensions");
  const int64_t m = a.shape(-2), k = a.shape(-1), n = b.shape(-1);
  check(b.shape(-2) == k && k >= 1 && n >= 1, "[matmul] operands are ", as, " and ", bs,
        ", expected [...,M,K] and [...,K,N] with K and N of at least 1");
  Shape shape = as;
  shape.back() = n;
  const int64_t batch = numel(Shape(as.begin(), as.end() - 2));
  const kernels::Conv2dGeometry g = one_tap(m, n, k);
  Tensor c = Tensor::empty(shape, a.dtype(), a.device());
  dispatch(a, [&]<Device D, class T>() {
    T* to = c.mutable_data<T>();
    for_each_matrix<D>(batch, m * k * n, [&](int64_t i) {
      kernels::conv2d_backward_input<D, T>(g, a.data<T>() + i * m * k, b.data<T>() + i * k * n,
                                           nullptr, to + i * m * n);
    });
  });
  // c = a b  =>  da = dc b^T,  db = a^T dc
  const bool want_da = needs_grad(a), want_db = needs_grad(b);
  const SavedTensor saved_a(want_db ? a : Tensor()), saved_b(want_da ? b : Tensor());
  return record(
      "matmul", c, {a, b},
      [g, m, k, n, batch, as, bs, saved_a, saved_b](const Tensor& dc) -> Grads {
        const Tensor kept_a = saved_a.value(), kept_b = saved_b.value();
        Tensor da, db;
        dispatch(dc, [&]<Device D, class T>() {
          const T* from = dc.data<T>();
          if (kept_b.defined()) {
            da = Tensor::empty(as, dc.dtype(), D);
            T* to = da.mutable_data<T>();
            for_each_matrix<D>(batch, m * k * n, [&](int64_t i) {
              const int64_t j = PIXELGRAD_MUTANT(matmul_backward_by_the_first_of_the_batch, i, 0);
              kernels::conv2d_forward<D, T>(g, from + i * m * n, kept_b.data<T>() + j * k * n,
                                            nullptr, to + i * m * k);
            });
          }
          if (kept_a.defined()) {
            db = Tensor::empty(bs, dc.dtype(), D);
            T* to = db.mutable_data<T>();
            for_each_matrix<D>(batch, m * k * n, [&](int64_t i) {
              kernels::conv2d_backward_weight<D, T>(g, from + i * m * n,
                                                    kept_a.data<T>() + i * m * k, to + i * k * n);
            });
          }
        });
        return {da, db};
      });
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_floating("linear", "input", x);
  check_floating("linear", "weight", weight);
  check_same_kind("linear", "input", x, "weight", weight);
  check(weight.dims() == 2 && weight.numel() > 0, "[linear] weight is ", weight.shape(),
        ", expected [out,in] with at least one value");
  const int64_t out = weight.shape(0), in = weight.shape(1);
  check(x.dims() >= 1 && x.shape(-1) == in, "[linear] input is ", x.shape(), ", expected [...,", in,
        "] (weight ", weight.shape(), ")");
  if (bias.defined()) {
    check(bias.shape() == Shape{out}, "[linear] bias is ", bias.shape(), ", expected [", out,
          "] (weight ", weight.shape(), ")");
    check_same_kind("linear", "input", x, "bias", bias);
  }
  Shape shape = x.shape();
  shape.back() = out;
  const int64_t rows = x.numel() / in;
  const kernels::Conv2dGeometry g = one_tap(rows, in, out);
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  dispatch(x, [&]<Device D, class T>() {
    kernels::conv2d_forward<D, T>(g, x.data<T>(), weight.data<T>(),
                                  bias.defined() ? bias.data<T>() : nullptr, y.mutable_data<T>());
  });
  // y = x w^T + b  =>  dx = dy w,  dw = dy^T x,  db = sum of dy over rows
  const bool want_dx = needs_grad(x), want_dw = needs_grad(weight), want_db = needs_grad(bias);
  const SavedTensor kept_x(want_dw ? x : Tensor()), kept_w(want_dx ? weight : Tensor());
  return record(
      "linear", y, {x, weight, bias},
      [g, rows, in, out, from = x.shape(), kept_x, kept_w, want_db](const Tensor& dy) -> Grads {
        Tensor dx, dw, db;
        dispatch(dy, [&]<Device D, class T>() {
          if (kept_w.defined()) {
            dx = Tensor::empty(from, dy.dtype(), D);
            kernels::conv2d_backward_input<D, T>(g, dy.data<T>(), kept_w.value().data<T>(), nullptr,
                                                 dx.mutable_data<T>());
          }
          if (kept_x.defined()) {
            dw = Tensor::empty({out, in}, dy.dtype(), D);
            kernels::conv2d_backward_weight<D, T>(g, kept_x.value().data<T>(), dy.data<T>(),
                                                  dw.mutable_data<T>());
          }
          if (want_db) {
            db = Tensor::empty({out}, dy.dtype(), D);
            kernels::sum_over_pixels<D, T>(
                PIXELGRAD_MUTANT(linear_bias_gradient_of_the_first_row, rows, 1), out, dy.data<T>(),
                db.mutable_data<T>());
          }
        });
        return {dx, dw, db};
      });
}

}  // namespace pixelgrad
