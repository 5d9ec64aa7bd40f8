#pragma once
#include <cstddef>
#include <map>

namespace emulator {

/// The device's memory: a range of addresses that host code cannot touch. It is opened while a
/// kernel runs or a copy is made. Allocations are whole pages; between them, AddressSanitizer finds
/// red zones. The caller holds the device's mutex.
class DeviceMemory {
 public:
  static DeviceMemory& instance();

  /// New memory with all bits set; null where the limit leaves no room.
  void* allocate(size_t bytes);
  /// False where nothing was allocated at that address.
  bool free(void* pointer);

  size_t limit() const { return limit_; }
  size_t used() const { return used_; }
  void set_limit(size_t bytes) { limit_ = bytes; }

  /// Whether an address is the device's.
  bool contains(const void* pointer) const;
  /// Whether the bytes lie in one allocation.
  bool allocated(const void* pointer, size_t bytes) const;

  /// Lets the host touch the memory while it lives.
  class Opened {
   public:
    Opened();
    ~Opened();
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
  };

 private:
  struct Allocation {
    size_t bytes, room;  // asked for; pages and red zone
  };

  DeviceMemory();
  size_t reached() const;

  size_t limit_, used_ = 0;
  std::map<char*, Allocation> allocations_;
  size_t marked_ = 0;  // bytes from the first that AddressSanitizer has been told about
};

}  // namespace emulator
