#pragma once
#include "tensor/cuda/event.h"
#include "tensor/cuda/pinned.h"
#include "tensor/tensor.h"

namespace pixelgrad::cuda {

/// Memory of one tensor that goes from the host to the device again and again, on the stream of
/// copies: page-locked memory here, and the device's memory there. Four waits keep them in order:
///
///   the host writes here         when the last copy from here is done (copied_)
///   the copy writes there        when the kernels that read there are done (read_)
///   kernels read there           when the copy is done (copied_)
///   memory is given back here    when the copy is done (copied_)
class UploadSlot {
 public:
  UploadSlot() = default;
  ~UploadSlot();
  UploadSlot(const UploadSlot&) = delete;
  UploadSlot& operator=(const UploadSlot&) = delete;

  /// A tensor of the values of `host`, which may be overwritten on return. It is written again by
  /// the next call, unless somebody still has it then.
  Tensor fill(const Tensor& host);

  /// What reads the tensor has been asked of the device. Comes between two fills.
  void release();

 private:
  Pinned here_;
  Tensor there_;
  Event copied_, read_;
};

}  // namespace pixelgrad::cuda
