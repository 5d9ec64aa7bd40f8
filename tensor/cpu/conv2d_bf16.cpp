#include "tensor/cpu/conv2d_bf16.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "tensor/cpu/bf16.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace pixelgrad::cpu {
namespace {

using kernels::Conv2dGeometry;
using kernels::Conv2dInput;

int64_t input_values(const Conv2dGeometry& g) { return g.in_h * g.in_w * g.in_channels; }
int64_t output_values(const Conv2dGeometry& g) { return g.out_h * g.out_w * g.out_channels; }

/// Calls f(g of some images, the first of them), for as many images at a time as have 2^20 values
/// (4 MB of f32): few enough to stay in a cache, enough to pay for the packing of the weights. How
/// many there are is a matter of the shape alone.
template <class F>
void for_images(const Conv2dGeometry& g, const F& f) {
  const int64_t values = input_values(g) + output_values(g);
  const int64_t most = std::max<int64_t>(1, (1 << 20) / std::max<int64_t>(values, 1));
  for (int64_t first = 0; first < g.n; first += most) {
    Conv2dGeometry part = g;
    part.n = std::min(most, g.n - first);
    f(part, first);
  }
}

/// Memory for values in f32.
class Values {
 public:
  explicit Values(int64_t n)
      : memory_(Tensor::empty({n}, Dtype::f32)), data_(memory_.mutable_data<float>()) {}
  Values(int64_t n, const bf16* from) : Values(n) { widen(n, from, data_); }
  float* data() const { return data_; }

 private:
  Tensor memory_;
  float* data_;
};

/// The weights of the channels that `g` reads, rounded, and laid out as in the whole.
Values rounded(const Conv2dGeometry& g, const float* weight) {
  // Behind the last tap's channels there is nothing where these are some of a row.
  const int64_t rows = g.out_channels * g.kernel_h * g.kernel_w;
  const int64_t n = (rows - 1) * g.weight_row() + g.in_channels / g.groups;
  Values result(n);
  float* to = result.data();
  parallel_range(n, 1 << 15, [&](int64_t i, int64_t end) {
    for (; i < end; ++i) to[i] = bf16(weight[i]);
  });
  return result;
}

}  // namespace

void bf16_conv2d_forward(const Conv2dGeometry& g, std::span<const Conv2dInput<bf16>> inputs,
                         const float* weight, const float* bias, bf16* y) {
  const Values w = rounded(g, weight);
  for_images(g, [&](const Conv2dGeometry& part, int64_t first) {
    std::vector<Values> x;
    std::vector<Conv2dInput<float>> read;
    for (const Conv2dInput<bf16>& input : inputs) {
      const int64_t image = g.in_h * g.in_w * input.channels;
      x.emplace_back(part.n * image, input.x + first * image);
      read.push_back({x.back().data(), input.channels});
    }
    const Values result(part.n * output_values(g));
    kernels::conv2d_forward<Device::cpu, float>(part, read, w.data(), bias, result.data());
    narrow(part.n * output_values(g), result.data(), y + first * output_values(g));
  });
}

void bf16_conv2d_backward_input(const Conv2dGeometry& g, const bf16* dy, const float* weight,
                                const float* bias, bf16* dx) {
  const Values w = rounded(g, weight);
  for_images(g, [&](const Conv2dGeometry& part, int64_t first) {
    const Values from(part.n * output_values(g), dy + first * output_values(g));
    const Values result(part.n * input_values(g));
    kernels::conv2d_backward_input<Device::cpu, float>(part, from.data(), w.data(), bias,
                                                       result.data());
    narrow(part.n * input_values(g), result.data(), dx + first * input_values(g));
  });
}

void bf16_conv2d_backward_weight(const Conv2dGeometry& g, const bf16* x, const bf16* dy,
                                 float* dweight) {
  const int64_t rows = g.out_channels * g.kernel_h * g.kernel_w, row = g.in_channels / g.groups;
  if (g.n == 0)
    for (int64_t r = 0; r < rows; ++r) std::fill_n(dweight + r * g.weight_row(), row, 0.0f);
  std::optional<Values> more;
  for_images(g, [&](const Conv2dGeometry& part, int64_t first) {
    const Values from(part.n * input_values(g), x + first * input_values(g));
    const Values gradient(part.n * output_values(g), dy + first * output_values(g));
    const auto compute = kernels::conv2d_backward_weight<Device::cpu, float>;
    if (first == 0) return compute(part, from.data(), gradient.data(), dweight);
    if (!more) more.emplace(rows * row);
    Conv2dGeometry dense = part;
    dense.weight_channels = 0;
    compute(dense, from.data(), gradient.data(), more->data());
    parallel_range(rows, std::max<int64_t>(1, (1 << 15) / row), [&](int64_t r, int64_t end) {
      for (; r < end; ++r)
        for (int64_t c = 0; c < row; ++c)
          dweight[r * g.weight_row() + c] += more->data()[r * row + c];
    });
  });
}

}  // namespace pixelgrad::cpu
