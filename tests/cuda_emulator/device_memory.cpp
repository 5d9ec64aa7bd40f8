#include "tests/cuda_emulator/device_memory.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstdlib>

#include <cstdint>
#include <cstring>
#include <iterator>
#include <new>

#include "tensor/poison_internal.h"
#include "tests/cuda_emulator/device.h"

namespace emulator {
namespace {

constexpr size_t region_bytes = size_t{8}
                                << 30;  // addresses; pages that nobody touched cost nothing
constexpr size_t page = 4096;
// The kernel opens and closes huge pages a hundred times as fast as the same memory in small ones.
constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t red_zone = PIXELGRAD_RED_ZONE > 0 ? page : 0;

char* region = nullptr;
int open_depth = 0;
struct sigaction previous_action;

constexpr size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

// Says what happened, and leaves the rest to whoever handled the signal before.
void explain_fault(int, siginfo_t* info, void*) {
  const auto* address = static_cast<const char*>(info->si_addr);
  if (address >= region && address < region + region_bytes) {
    constexpr char by_host[] = "CUDA emulator: host code touched device memory\n";
    constexpr char by_kernel[] = "CUDA emulator: a kernel touched memory that was not allocated\n";
    const bool host = open_depth == 0;
    [[maybe_unused]] const ssize_t written =
        write(STDERR_FILENO, host ? by_host : by_kernel,
              host ? sizeof by_host - 1 : sizeof by_kernel - 1);
  }
  sigaction(SIGSEGV, &previous_action, nullptr);
}

}  // namespace

DeviceMemory& DeviceMemory::instance() {
  static auto& memory = *new DeviceMemory;  // for ever: destructors of others may still need it
  return memory;
}

DeviceMemory::DeviceMemory() : limit_(region_bytes) {
  if (const char* bytes = std::getenv("PIXELGRAD_EMULATOR_MEMORY"))
    limit_ = std::strtoull(bytes, nullptr, 10);
  void* const mapping = mmap(nullptr, region_bytes + huge_page, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  region = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(mapping), huge_page));
  madvise(region, region_bytes, MADV_HUGEPAGE);
  struct sigaction action {};
  action.sa_sigaction = explain_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, &previous_action);
}

void* DeviceMemory::allocate(size_t bytes) {
  if (bytes > limit_ || used_ > limit_ - bytes) return nullptr;
  const size_t room = round_up(bytes, page) + red_zone;
  // The first gap that is large enough.
  char* place = region;
  for (const auto& [begin, allocation] : allocations_) {
    if (static_cast<size_t>(begin - place) >= room) break;
    place = begin + allocation.room;
  }
  if (room > static_cast<size_t>(region + region_bytes - place)) return nullptr;
  allocations_[place] = {bytes, room};
  used_ += bytes;
  if (reached() > marked_) {
    PIXELGRAD_POISON(region + marked_, reached() - marked_);
    marked_ = reached();
  }
  PIXELGRAD_UNPOISON(place, bytes);
  const Opened opened;
  std::memset(place, 0xFF, bytes);
  return place;
}

bool DeviceMemory::free(void* pointer) {
  const auto found = allocations_.find(static_cast<char*>(pointer));
  if (found == allocations_.end()) return false;
  const auto [bytes, room] = found->second;
  used_ -= bytes;
  allocations_.erase(found);
  madvise(pointer, room, MADV_DONTNEED);
  PIXELGRAD_POISON(pointer, room);
  return true;
}

bool DeviceMemory::contains(const void* pointer) const {
  return pointer >= region && pointer < region + region_bytes;
}

bool DeviceMemory::allocated(const void* pointer, size_t bytes) const {
  auto* const p = static_cast<char*>(const_cast<void*>(pointer));
  auto next = allocations_.upper_bound(p);
  if (next == allocations_.begin()) return false;
  const auto& [begin, allocation] = *std::prev(next);
  const auto offset = static_cast<size_t>(p - begin);
  return offset <= allocation.bytes && bytes <= allocation.bytes - offset;
}

/// How far allocations reach from the first address, in whole huge pages.
size_t DeviceMemory::reached() const {
  if (allocations_.empty()) return 0;
  const auto& [begin, allocation] = *allocations_.rbegin();
  return round_up(static_cast<size_t>(begin + allocation.room - region), huge_page);
}

DeviceMemory::Opened::Opened() {
  const size_t bytes = instance().reached();
  if (open_depth++ == 0 && bytes > 0) mprotect(region, bytes, PROT_READ | PROT_WRITE);
}

DeviceMemory::Opened::~Opened() {
  const size_t bytes = instance().reached();
  if (--open_depth == 0 && bytes > 0) mprotect(region, bytes, PROT_NONE);
}

void set_memory_limit(size_t bytes) {
  const std::lock_guard lock(device_mutex());
  DeviceMemory::instance().set_limit(bytes);
}

}  // namespace emulator
