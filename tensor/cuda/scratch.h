#pragma once
#include <cstddef>
#include <cstdint>
#include <source_location>

#include "tensor/allocator.h"

namespace pixelgrad::cuda {

/// n values of device memory while a kernel is being asked for. It may be freed before the kernel
/// has run: whoever is given the block next runs behind it on the same stream.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t n, const std::source_location& caller = std::source_location::current())
      : bytes_(static_cast<size_t>(n) * sizeof(T)),
        data_(static_cast<T*>(allocate(Device::cuda, bytes_, caller))) {}
  ~Scratch() { deallocate(Device::cuda, data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() { return data_; }

 private:
  size_t bytes_;
  T* data_;
};

}  // namespace pixelgrad::cuda
