// A program outside the project: makes tensors, computes with an op of its own, and checks the
// gradient that backward leaves in a leaf.
#include <pixelgrad/pixelgrad.h>
#include <pixelgrad/tensor/tensor.h>

#include <cstdio>

#if __has_include("tensor/tensor.h")
#error "the project's source folders leak into the include path of consumers"
#endif

using pixelgrad::Tensor;

/// y = sum of x^2, so dx = 2 x dy.
Tensor sum_of_squares(const Tensor& x) {
  double sum = 0;
  for (const float v : x.span<float>()) sum += v * v;
  const Tensor y = Tensor::scalar(sum, x.dtype());
  return pixelgrad::record("sum_of_squares", y, {x}, [x](const Tensor& dy) -> pixelgrad::Grads {
    Tensor dx = Tensor::empty(x.shape(), x.dtype());
    const float* values = x.data<float>();
    float* gradients = dx.mutable_data<float>();
    for (int64_t i = 0; i < x.numel(); ++i)
      gradients[i] = 2 * values[i] * static_cast<float>(dy.item());
    return {dx};
  });
}

int main() {
  const Tensor x = pixelgrad::require_grad(Tensor::from<float>({3}, {1, 2, 3}));
  const Tensor y = sum_of_squares(x);
  pixelgrad::backward(y);
  const bool good =
      y.item() == 14 && pixelgrad::grad(x).to_doubles() == std::vector<double>{2, 4, 6};
  std::printf("sum of squares %g, %s gradient\n", y.item(), good ? "right" : "wrong");
  return good ? 0 : 1;
}
