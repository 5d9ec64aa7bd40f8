#pragma once
#include <memory>

#include "tensor/tensor.h"

namespace pixelgrad {

/// Brings the batches of a training loop to a device, while that is still computing the step
/// before:
///
///   Uploads uploads(device);
///   for (...) {
///     const Tensor images = uploads.upload(batch.images);
///     ...                  // forward and backward
///     uploads.end_step();
///   }
///
/// There is memory for two steps, so the host waits where it is more than that ahead.
class Uploads {
 public:
  explicit Uploads(Device device);
  ~Uploads();
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  /// The values of a tensor on the CPU, which may be overwritten on return; on the CPU the tensor
  /// itself. What is computed from the result comes after the copy.
  Tensor upload(const Tensor& host);

  /// Says that all was asked for that reads what was uploaded since the last call, whose memory
  /// then serves the step after next. Whoever keeps such a tensor keeps its values nevertheless.
  void end_step();

 private:
  struct Slots;
  std::unique_ptr<Slots> slots_;  // null for the CPU
};

}  // namespace pixelgrad
