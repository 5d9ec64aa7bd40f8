#pragma once
#include <cstdint>
#include <vector>

// The convolution as its definition says, one multiplication after the other. Shares nothing with
// the library: what it says is held against what the kernels say.
namespace pixelgrad::reference {

/// Sizes of a convolution. x [n, in_h, in_w, in_channels], weight [out_channels, kernel_h,
/// kernel_w, in_channels / groups], y [n, out_h, out_w, out_channels].
struct NaiveConv2d {
  int64_t n = 1, in_h = 1, in_w = 1, in_channels = 1;
  int64_t out_channels = 1, kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t groups = 1;

  int64_t out_h() const {
    return (in_h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1;
  }
  int64_t out_w() const {
    return (in_w + pad_left + pad_right - dilation_w * (kernel_w - 1) - 1) / stride_w + 1;
  }
  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  int64_t x_size() const { return n * in_h * in_w * in_channels; }
  int64_t y_size() const { return n * out_h() * out_w() * out_channels; }
  int64_t weight_size() const { return out_channels * kernel_h * kernel_w * group_in(); }

  /// Calls f(index in x, index in weight, index in y) for each product of the sum.
  template <class F>
  void for_each_product(const F& f) const {
    for (int64_t image = 0; image < n; ++image)
      for (int64_t oy = 0; oy < out_h(); ++oy)
        for (int64_t ox = 0; ox < out_w(); ++ox)
          for (int64_t co = 0; co < out_channels; ++co)
            for (int64_t r = 0; r < kernel_h; ++r)
              for (int64_t s = 0; s < kernel_w; ++s) {
                const int64_t iy = oy * stride_h - pad_top + r * dilation_h;
                const int64_t ix = ox * stride_w - pad_left + s * dilation_w;
                if (iy < 0 || iy >= in_h || ix < 0 || ix >= in_w) continue;
                const int64_t first = co / group_out() * group_in();
                for (int64_t ci = 0; ci < group_in(); ++ci)
                  f(((image * in_h + iy) * in_w + ix) * in_channels + first + ci,
                    ((co * kernel_h + r) * kernel_w + s) * group_in() + ci,
                    ((image * out_h() + oy) * out_w() + ox) * out_channels + co);
              }
  }
};

/// y = conv(x, weight) + bias; an empty bias is none.
template <class T>
std::vector<T> naive_forward(const NaiveConv2d& c, const std::vector<T>& x,
                             const std::vector<T>& weight, const std::vector<T>& bias = {}) {
  std::vector<T> y(c.y_size(), T{0});
  if (!bias.empty())
    for (size_t i = 0; i < y.size(); ++i) y[i] = bias[i % bias.size()];
  c.for_each_product([&](int64_t xi, int64_t wi, int64_t yi) { y[yi] += x[xi] * weight[wi]; });
  return y;
}

/// dx = what each input contributed to, weighted by dy; plus bias [in_channels].
template <class T>
std::vector<T> naive_backward_input(const NaiveConv2d& c, const std::vector<T>& dy,
                                    const std::vector<T>& weight, const std::vector<T>& bias = {}) {
  std::vector<T> dx(c.x_size(), T{0});
  if (!bias.empty())
    for (size_t i = 0; i < dx.size(); ++i) dx[i] = bias[i % bias.size()];
  c.for_each_product([&](int64_t xi, int64_t wi, int64_t yi) { dx[xi] += dy[yi] * weight[wi]; });
  return dx;
}

template <class T>
std::vector<T> naive_backward_weight(const NaiveConv2d& c, const std::vector<T>& x,
                                     const std::vector<T>& dy) {
  std::vector<T> dweight(c.weight_size(), T{0});
  c.for_each_product([&](int64_t xi, int64_t wi, int64_t yi) { dweight[wi] += x[xi] * dy[yi]; });
  return dweight;
}

}  // namespace pixelgrad::reference
