#pragma once
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace pixelgrad {

/// Numbers on their way from a device to the host, which goes on meanwhile:
///
///   Readback numbers({loss, norm});   // asks for the values that the tensors have now
///   ...                               // asks the device for more
///   if (numbers.ready()) print(numbers.values()[0]);
///
/// From a CPU they are there at once.
class Readback {
 public:
  /// f32 or f64 tensors of one element each, on one device. They may be overwritten or freed.
  explicit Readback(const std::vector<Tensor>& numbers);
  ~Readback();
  Readback(Readback&&) noexcept;
  Readback& operator=(Readback&&) noexcept;

  /// Whether values() would return without waiting. Throws Error where a kernel before failed.
  bool ready() const;
  /// The numbers, in the order in which they were asked for. Waits until they are there, but not
  /// for what the device was asked for since. Throws Error where a kernel before failed.
  std::vector<double> values() const;

 private:
  struct Copies;
  std::vector<double> values_;      // where they are on the CPU
  std::unique_ptr<Copies> copies_;  // where they are not
};

}  // namespace pixelgrad
