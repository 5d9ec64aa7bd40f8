// Allocation, copies and filling.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "tests/cuda_emulator/device.h"
#include "tests/cuda_emulator/device_memory.h"
#include "tests/cuda_emulator/stream.h"

namespace {

using emulator::call;
using emulator::DeviceMemory;

// Pages of the host that copies need not lock; for ever, like the device's memory.
auto& pinned = *new std::map<void*, size_t>;

bool is_pinned(const void* pointer) {
  const auto next = pinned.upper_bound(const_cast<void*>(pointer));
  if (next == pinned.begin()) return false;
  const auto& [begin, bytes] = *std::prev(next);
  return static_cast<size_t>(static_cast<const char*>(pointer) - static_cast<char*>(begin)) < bytes;
}

/// Host memory that is not page-locked: CUDA copies between it and the device through memory of its
/// own.
bool is_pageable(const void* pointer) {
  return !DeviceMemory::instance().contains(pointer) && !is_pinned(pointer);
}

/// Whether bytes may be read or written on that side.
bool lies_in(bool device, const void* pointer, size_t bytes) {
  const DeviceMemory& memory = DeviceMemory::instance();
  return device ? memory.allocated(pointer, bytes) : pointer && !memory.contains(pointer);
}

/// Whether `kind` says the truth about both sides.
bool agrees(cudaMemcpyKind kind, const void* to, const void* from, size_t to_bytes,
            size_t from_bytes) {
  const DeviceMemory& memory = DeviceMemory::instance();
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyDefault)
    to_device = memory.contains(to), from_device = memory.contains(from);
  return lies_in(to_device, to, to_bytes) && lies_in(from_device, from, from_bytes);
}

void copy_rows(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
               size_t height) {
  const DeviceMemory::Opened opened;
  for (size_t row = 0; row < height; ++row)
    std::memcpy(static_cast<char*>(to) + row * to_pitch,
                static_cast<const char*>(from) + row * from_pitch, width);
}

/// From pageable memory to the device: what is there now counts. CUDA may have to wait until its
/// own memory is free again, unless the copy is small.
cudaError_t stage(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                  size_t height, cudaStream_t stream) {
  constexpr size_t small = 64 << 10;
  if (width * height > small) emulator::count_wait();
  auto staged = std::make_shared<std::vector<char>>(width * height);
  copy_rows(staged->data(), width, from, from_pitch, width, height);
  return emulator::enqueue(stream, emulator::WorkKind::copy_to_device,
                           [=] { copy_rows(to, to_pitch, staged->data(), width, width, height); });
}

emulator::WorkKind kind_of_copy(const void* to, const void* from) {
  using emulator::WorkKind;
  const DeviceMemory& memory = DeviceMemory::instance();
  if (memory.contains(to))
    return memory.contains(from) ? WorkKind::copy_on_device : WorkKind::copy_to_device;
  return memory.contains(from) ? WorkKind::copy_to_host : WorkKind::copy_on_host;
}

cudaError_t copy(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                 size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
    return cudaErrorInvalidMemcpyDirection;
  if (width == 0 || height == 0) return cudaSuccess;
  if (width > to_pitch || width > from_pitch ||
      !agrees(kind, to, from, (height - 1) * to_pitch + width, (height - 1) * from_pitch + width))
    return cudaErrorInvalidValue;
  // When CUDA would read or write such memory, now or with each launch, is not for a program to
  // rely on.
  const auto capture = emulator::capture_of(stream);
  if (capture && (is_pageable(from) || is_pageable(to))) {
    capture->valid = false;
    return cudaErrorStreamCaptureUnsupported;
  }
  if (is_pageable(from) && DeviceMemory::instance().contains(to))
    return stage(to, to_pitch, from, from_pitch, width, height, stream);
  const cudaError_t error = emulator::enqueue(stream, kind_of_copy(to, from), [=] {
    copy_rows(to, to_pitch, from, from_pitch, width, height);
  });
  // What comes to pageable memory is there on return.
  if (error == cudaSuccess && is_pageable(to)) emulator::wait_for(emulator::last_point(stream));
  return error;
}

cudaError_t allocate(void** pointer, size_t bytes) {
  if (pointer == nullptr) return cudaErrorInvalidValue;
  *pointer = bytes == 0 ? nullptr : DeviceMemory::instance().allocate(bytes);
  return *pointer == nullptr && bytes > 0 ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t free_device(void* pointer) {
  return pointer == nullptr || DeviceMemory::instance().free(pointer) ? cudaSuccess
                                                                      : cudaErrorInvalidValue;
}

/// Memory that is given out while a stream is captured would belong to the graph, which is not
/// emulated.
cudaError_t check_not_captured(cudaStream_t stream) {
  if (!emulator::is_stream(stream)) return cudaErrorInvalidResourceHandle;
  return emulator::capture_of(stream) ? cudaErrorNotSupported : cudaSuccess;
}

}  // namespace

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return call([&] {
    if (const cudaError_t error = emulator::check_unsafe()) return error;
    return allocate(pointer, bytes);
  });
}

cudaError_t cudaFree(void* pointer) {
  return call([&] {
    if (const cudaError_t error = emulator::check_unsafe()) return error;
    if (pointer != nullptr) emulator::wait_for_device();
    return free_device(pointer);
  });
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  return call([&] {
    if (const cudaError_t error = check_not_captured(stream)) return error;
    return allocate(pointer, bytes);
  });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  return call([&] {
    if (const cudaError_t error = check_not_captured(stream)) return error;
    emulator::reach(emulator::last_point(stream));
    return free_device(pointer);
  });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault);
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned flags) {
  return call([&] {
    if (const cudaError_t error = emulator::check_unsafe()) return error;
    if (pointer == nullptr || flags > 7) return cudaErrorInvalidValue;
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    if (posix_memalign(pointer, 4096, bytes) != 0) return cudaErrorMemoryAllocation;
    pinned[*pointer] = bytes;
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* pointer) {
  return call([&] {
    if (const cudaError_t error = emulator::check_unsafe()) return error;
    if (pointer == nullptr) return cudaSuccess;
    if (pinned.erase(pointer) == 0) return cudaErrorInvalidValue;
    emulator::wait_for_device();
    std::free(pointer);
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  return call([&] {
    if (free_bytes == nullptr || total_bytes == nullptr) return cudaErrorInvalidValue;
    const DeviceMemory& memory = DeviceMemory::instance();
    *total_bytes = memory.limit();
    *free_bytes = memory.limit() - std::min(memory.limit(), memory.used());
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return call([&] {
    if (attributes == nullptr) return cudaErrorInvalidValue;
    void* const p = const_cast<void*>(pointer);
    if (DeviceMemory::instance().allocated(pointer, 1))
      *attributes = {cudaMemoryTypeDevice, 0, p, nullptr};
    else if (is_pinned(p))
      *attributes = {cudaMemoryTypeHost, 0, p, p};
    else
      *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, p};
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return call([&] {
    // Waits for the legacy stream.
    if (const cudaError_t error = emulator::check_waiting(nullptr)) return error;
    if (const cudaError_t error = emulator::check_unsafe()) return error;
    return copy(to, bytes, from, bytes, bytes, 1, kind, nullptr);
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call([&] { return copy(to, bytes, from, bytes, bytes, 1, kind, stream); });
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  return call([&] { return copy(to, to_pitch, from, from_pitch, width, height, kind, stream); });
}

cudaError_t cudaMemset(void* pointer, int value, size_t bytes) {
  return cudaMemsetAsync(pointer, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t stream) {
  return call([&] {
    if (bytes == 0) return cudaSuccess;
    if (!lies_in(true, pointer, bytes)) return cudaErrorInvalidValue;
    return emulator::enqueue(stream, emulator::WorkKind::set, [=] {
      const DeviceMemory::Opened opened;
      std::memset(pointer, value, bytes);
    });
  });
}
