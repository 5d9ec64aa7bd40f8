#include <emulator/bank_conflicts.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "tests/cuda_emulator/block.h"
#include "tests/cuda_emulator/device.h"

namespace emulator {
namespace {

/// One access of a warp: what each lane asks for.
struct Access {
  uint32_t lanes = 0;
  std::array<uintptr_t, 32> addresses;
  unsigned bytes = 0;
};
struct Recorder {
  bool on = false;
  uint64_t conflicts = 0;
  uint64_t block = 0;                                            // whose accesses these are
  std::map<std::tuple<int, const void*, int>, Access> accesses;  // of a warp, at a place, by number
  std::map<std::pair<int, const void*>, int> calls;              // of a thread, at a place
};

Recorder& recorder() {
  static auto& instance = *new Recorder;
  return instance;
}

/// The cycles that an access takes beyond one for each group of lanes.
uint64_t conflicts_of(const Access& access) {
  const int lanes_at_once = access.bytes == 16 ? 8 : access.bytes == 8 ? 16 : 32;
  uint64_t conflicts = 0;
  for (int first = 0; first < 32; first += lanes_at_once) {
    std::array<std::set<uintptr_t>, 32> words;
    for (int lane = first; lane < first + lanes_at_once; ++lane)
      if ((access.lanes >> lane & 1) != 0)
        for (unsigned byte = 0; byte < access.bytes; byte += 4) {
          const uintptr_t word = (access.addresses[static_cast<size_t>(lane)] + byte) / 4;
          words[word % 32].insert(word);
        }
    size_t cycles = 1;
    for (const auto& bank : words) cycles = std::max(cycles, bank.size());
    conflicts += cycles - 1;
  }
  return conflicts;
}

/// Counts what is recorded, though lanes may be missing: the block has ended.
void finish(Recorder& r) {
  for (const auto& [key, access] : r.accesses) r.conflicts += conflicts_of(access);
  r.accesses.clear();
  r.calls.clear();
}

}  // namespace

void record_shared_access(const void* address, unsigned bytes) {
  Recorder& r = recorder();
  const void* const place = __builtin_return_address(0);
  Block& block = Block::instance();
  if (!block.running()) throw KernelError("record_shared_access outside of a kernel");
  if (bytes != 4 && bytes != 8 && bytes != 16)
    block.fail("records a shared access of " + std::to_string(bytes) +
               " bytes, expected 4, 8 or 16");
  if (!r.on) return;
  if (std::exchange(r.block, block.number()) != block.number()) finish(r);
  const int thread = block.current(), warp = thread / 32;
  const auto key = std::make_tuple(warp, place, r.calls[{thread, place}]++);
  Access& access = r.accesses[key];
  access.lanes |= 1u << (thread % 32);
  access.addresses[static_cast<size_t>(thread % 32)] = reinterpret_cast<uintptr_t>(address);
  access.bytes = bytes;
  if (access.lanes == 0xFFFFFFFFu) {
    r.conflicts += conflicts_of(access);
    r.accesses.erase(key);
  }
}

uint64_t bank_conflicts() {
  const std::lock_guard lock(device_mutex());
  finish(recorder());
  return recorder().conflicts;
}

void reset_bank_conflicts() {
  const std::lock_guard lock(device_mutex());
  finish(recorder());
  recorder().on = true;
  recorder().conflicts = 0;
}

}  // namespace emulator
