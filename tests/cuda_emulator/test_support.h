#pragma once
#include <cuda_runtime.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace emulated {

inline void expect_success(cudaError_t error) {
  EXPECT_EQ(error, cudaSuccess) << cudaGetErrorName(error);
}

/// An array on the device.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t n) : size_(n) { expect_success(cudaMalloc(&data_, n * sizeof(T))); }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    expect_success(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { expect_success(cudaFree(data_)); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  std::vector<T> values() const {
    std::vector<T> host(size_);
    expect_success(cudaMemcpy(host.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
  }

 private:
  size_t size_;
  T* data_ = nullptr;
};

/// Page-locked memory.
class Pinned {
 public:
  explicit Pinned(std::vector<int> values) : size_(values.size()) {
    expect_success(cudaMallocHost(reinterpret_cast<void**>(&data_), size_ * sizeof(int)));
    std::copy(values.begin(), values.end(), data_);
  }
  ~Pinned() { expect_success(cudaFreeHost(data_)); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  int& operator[](size_t i) { return data_[i]; }
  int* data() { return data_; }
  std::vector<int> values() const { return {data_, data_ + size_}; }

 private:
  size_t size_;
  int* data_ = nullptr;
};

struct Shape {
  dim3 grid, block;
  size_t dynamic_bytes = 0;
  cudaStream_t stream = nullptr;
};

template <class... Parameters, class... Arguments>
cudaError_t launch(Shape shape, void (*kernel)(Parameters...), Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.dynamic_bytes;
  config.stream = shape.stream;
  return cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
}

/// Runs a test's kernels in an order, and sets it back behind.
class WithOrder {
 public:
  explicit WithOrder(emulator::Order order, uint64_t seed = 0) { emulator::set_order(order, seed); }
  ~WithOrder() { emulator::set_order(emulator::Order::ascending); }
};

/// The message of the KernelError that f throws, or "none".
template <class F>
std::string kernel_error(F&& f) {
  try {
    f();
  } catch (const emulator::KernelError& error) {
    return error.what();
  }
  return "none";
}

}  // namespace emulated
