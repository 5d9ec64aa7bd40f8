#include "tensor/cuda/upload_slot.h"

#include <cstring>

#include "tensor/cuda/runtime.h"

namespace pixelgrad::cuda {
namespace {
constexpr const char* op = "upload";
}  // namespace

UploadSlot::~UploadSlot() {
  try {
    copied_.wait(op);
  } catch (const Error&) {
    // A kernel failed, and who asked for it is told elsewhere.
  }
}

Tensor UploadSlot::fill(const Tensor& host) {
  copied_.wait(op);
  if (here_.bytes() < host.bytes()) here_ = Pinned(host.bytes());
  std::memcpy(here_.data(), host.raw(), host.bytes());

  const bool fits = there_ && there_.sole_owner() && there_.shape() == host.shape() &&
                    there_.dtype() == host.dtype();
  if (!fits) there_ = Tensor::empty(host.shape(), host.dtype(), Device::cuda);
  if (!fits) read_.record(stream());  // its memory may have been others' until now
  read_.hold(copy_stream());
  check_status(cudaMemcpyAsync(there_.mutable_raw(), here_.data(), host.bytes(),
                               cudaMemcpyHostToDevice, copy_stream()),
               op);
  copied_.record(copy_stream());
  copied_.hold(stream());
  return there_;
}

void UploadSlot::release() { read_.record(stream()); }

}  // namespace pixelgrad::cuda
