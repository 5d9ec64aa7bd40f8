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

}  // namespace pixelgrad::reference
