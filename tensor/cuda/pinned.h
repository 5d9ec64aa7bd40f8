#pragma once
#include <cstddef>

namespace pixelgrad::cuda {

/// Page-locked memory of the host, which a device reads and writes while the host goes on. The
/// system's calls for it take long and may wait for the device, so it is kept for the next one:
/// whoever lets go of it must know that no copy under way still needs it.
class Pinned {
 public:
  Pinned() = default;
  /// At least `bytes` bytes. Throws OutOfMemoryError.
  explicit Pinned(size_t bytes);
  ~Pinned();
  Pinned(Pinned&& other) noexcept;
  Pinned& operator=(Pinned&& other) noexcept;

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace pixelgrad::cuda
