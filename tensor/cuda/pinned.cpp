#include "tensor/cuda/pinned.h"

#include <bit>
#include <map>
#include <mutex>
#include <utility>

#include "tensor/check.h"
#include "tensor/cuda/runtime.h"

namespace pixelgrad::cuda {
namespace {

/// What nobody uses, by size. Never destroyed: destructors of others may still give some back.
struct Unused {
  std::mutex mutex;
  std::multimap<size_t, std::byte*> blocks;

  static Unused& instance() {
    static Unused* unused = new Unused;
    return *unused;
  }
};

}  // namespace

Pinned::Pinned(size_t bytes) : bytes_(std::bit_ceil(bytes < 64 ? 64 : bytes)) {
  Unused& unused = Unused::instance();
  const std::lock_guard lock(unused.mutex);
  if (const auto found = unused.blocks.find(bytes_); found != unused.blocks.end()) {
    data_ = found->second;
    unused.blocks.erase(found);
    return;
  }
  stream();  // opens the device, or says that there is none
  void* block = nullptr;
  if (cudaHostAlloc(&block, bytes_, cudaHostAllocDefault) != cudaSuccess) {
    cudaGetLastError();  // so that the next call does not report it again
    throw OutOfMemoryError(str("[pinned] no page-locked memory for ", bytes_, " bytes"));
  }
  data_ = static_cast<std::byte*>(block);
}

Pinned::~Pinned() {
  if (!data_) return;
  Unused& unused = Unused::instance();
  const std::lock_guard lock(unused.mutex);
  try {
    unused.blocks.emplace(bytes_, data_);
  } catch (const std::bad_alloc&) {
    cudaFreeHost(data_);
  }
}

Pinned::Pinned(Pinned&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Pinned& Pinned::operator=(Pinned&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace pixelgrad::cuda
