#pragma once
#include <cstdint>

#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace pixelgrad::cpu {

/// Working memory of the tasks of one parallel_for. It is asked for at once, before they begin, so
/// that how much a kernel needs does not depend on how many of its tasks happen to run together.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t values)
      : values_((values + line - 1) / line * line),
        memory_(Tensor::empty({num_threads() * values_}, dtype_of<T>)),
        data_(memory_.template mutable_data<T>()) {}

  /// What belongs to the thread that runs the current task; uninitialised.
  T* mine() const { return data_ + thread_index() * values_; }

 private:
  static constexpr int64_t line = 64 / sizeof(T);
  int64_t values_;
  Tensor memory_;
  T* data_;
};

}  // namespace pixelgrad::cpu
