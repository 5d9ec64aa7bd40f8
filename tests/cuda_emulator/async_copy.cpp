#include <emulator/async_copy.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda_emulator/block.h"

namespace emulator {
namespace {

struct Copy {
  void* to;
  const void* from;
  unsigned bytes, source_bytes;
};

/// What one thread has started and not waited for.
struct Copies {
  uint64_t block = 0;  // the block of that thread
  std::vector<Copy> open;
  std::deque<std::vector<Copy>> groups;
};

Copies& mine() {
  static auto& all = *new std::vector<Copies>;
  Block& block = Block::instance();
  if (!block.running()) throw KernelError("async_copy outside of a kernel");
  const auto thread = static_cast<size_t>(block.current());
  if (all.size() <= thread) all.resize(thread + 1);
  if (all[thread].block != block.number()) all[thread] = {block.number(), {}, {}};
  return all[thread];
}

void check_aligned(const void* address, unsigned bytes, const char* what) {
  if (reinterpret_cast<uintptr_t>(address) % bytes == 0) return;
  Block::instance().fail("copies " + std::to_string(bytes) + " bytes asynchronously, and the " +
                         what + " is no multiple of that");
}

}  // namespace

void async_copy(void* shared, const void* global, unsigned bytes, unsigned source_bytes) {
  Copies& copies = mine();
  if ((bytes != 4 && bytes != 8 && bytes != 16) || source_bytes > bytes)
    Block::instance().fail("copies " + std::to_string(source_bytes) + " of " +
                           std::to_string(bytes) + " bytes asynchronously, expected 4, 8 or 16");
  check_aligned(shared, bytes, "destination");
  check_aligned(global, bytes, "source");
  std::memset(shared, 0xFF, bytes);
  copies.open.push_back({shared, global, bytes, source_bytes});
}

void async_copy_commit() {
  Copies& copies = mine();
  copies.groups.push_back(std::exchange(copies.open, {}));
}

void async_copy_wait(int groups) {
  Copies& copies = mine();
  if (groups < 0) Block::instance().fail("waits for all but a negative number of groups");
  for (; copies.groups.size() > static_cast<size_t>(groups); copies.groups.pop_front())
    for (const Copy& copy : copies.groups.front()) {
      std::memset(copy.to, 0, copy.bytes);
      if (copy.source_bytes > 0) std::memcpy(copy.to, copy.from, copy.source_bytes);
    }
}

void async_copy_wait_all() {
  async_copy_commit();
  async_copy_wait(0);
}

}  // namespace emulator
