#pragma once
#include <limits>
#include <vector>

#include "tensor/kernels/conv2d.h"
#include "tests/tensor/conv2d_cases.h"

// The convolution kernels of the CPU, called as their naive twins are.
namespace pixelgrad::reference {

/// What a kernel must overwrite, so that nothing it leaves out can look like a 0.
template <class T>
std::vector<T> garbage(int64_t size) {
  return std::vector<T>(size, std::numeric_limits<T>::quiet_NaN());
}

template <class T>
std::vector<T> forward(const NaiveConv2d& c, const std::vector<T>& x, const std::vector<T>& w,
                       const std::vector<T>& bias = {}) {
  std::vector<T> y = garbage<T>(c.y_size());
  kernels::conv2d_forward<Device::cpu>(geometry(c), x.data(), w.data(),
                                       bias.empty() ? nullptr : bias.data(), y.data());
  return y;
}

template <class T>
std::vector<T> backward_input(const NaiveConv2d& c, const std::vector<T>& dy,
                              const std::vector<T>& w, const std::vector<T>& bias = {}) {
  std::vector<T> dx = garbage<T>(c.x_size());
  kernels::conv2d_backward_input<Device::cpu>(geometry(c), dy.data(), w.data(),
                                              bias.empty() ? nullptr : bias.data(), dx.data());
  return dx;
}

template <class T>
std::vector<T> backward_weight(const NaiveConv2d& c, const std::vector<T>& x,
                               const std::vector<T>& dy) {
  std::vector<T> dw = garbage<T>(c.weight_size());
  kernels::conv2d_backward_weight<Device::cpu>(geometry(c), x.data(), dy.data(), dw.data());
  return dw;
}

/// The kernels where x comes as several inputs of `parts` channels each. Values and results are as
/// those above: of all channels side by side.
struct SeveralInputs {
  const NaiveConv2d& c;
  const std::vector<int64_t>& parts;

  template <class T>
  std::vector<T> forward(const std::vector<T>& x, const std::vector<T>& w,
                         const std::vector<T>& bias = {}) const {
    std::vector<std::vector<T>> values;
    std::vector<kernels::Conv2dInput<T>> inputs;
    for_each_part([&](int64_t first, int64_t channels) {
      values.push_back(taken(x, first, channels));
      inputs.push_back({values.back().data(), channels});
    });
    std::vector<T> y = garbage<T>(c.y_size());
    kernels::conv2d_forward<Device::cpu, T>(geometry(c), inputs, w.data(),
                                            bias.empty() ? nullptr : bias.data(), y.data());
    return y;
  }

  template <class T>
  std::vector<T> backward_input(const std::vector<T>& dy, const std::vector<T>& w) const {
    std::vector<T> dx = garbage<T>(c.x_size());
    for_each_part([&](int64_t first, int64_t channels) {
      std::vector<T> part = garbage<T>(c.x_size() / c.in_channels * channels);
      kernels::conv2d_backward_input<Device::cpu, T>(geometry_of(channels), dy.data(),
                                                     w.data() + first, nullptr, part.data());
      for (size_t i = 0; i < part.size(); ++i)
        dx[i / channels * c.in_channels + first + i % channels] = part[i];
    });
    return dx;
  }

  template <class T>
  std::vector<T> backward_weight(const std::vector<T>& x, const std::vector<T>& dy) const {
    std::vector<T> dw = garbage<T>(c.weight_size());
    for_each_part([&](int64_t first, int64_t channels) {
      const std::vector<T> part = taken(x, first, channels);
      kernels::conv2d_backward_weight<Device::cpu>(geometry_of(channels), part.data(), dy.data(),
                                                   dw.data() + first);
    });
    return dw;
  }

 private:
  /// f(first channel, channels)
  template <class F>
  void for_each_part(const F& f) const {
    int64_t first = 0;
    for (const int64_t channels : parts) {
      f(first, channels);
      first += channels;
    }
  }

  template <class T>
  std::vector<T> taken(const std::vector<T>& x, int64_t first, int64_t channels) const {
    std::vector<T> part;
    for (size_t pixel = 0; pixel < x.size(); pixel += c.in_channels)
      part.insert(part.end(), x.begin() + pixel + first, x.begin() + pixel + first + channels);
    return part;
  }

  kernels::Conv2dGeometry geometry_of(int64_t channels) const {
    kernels::Conv2dGeometry g = geometry(c);
    g.in_channels = channels;
    g.weight_channels = c.in_channels;
    return g;
  }
};

}  // namespace pixelgrad::reference
