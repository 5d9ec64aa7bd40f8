#include "tensor/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include "tensor/check.h"
#include "tensor/tensor.h"

namespace pixelgrad {
namespace {

TEST(Allocator, BlocksAreAlignedAndNeverNull) {
  for (size_t bytes :
       {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{5000}, size_t{3} << 20}) {
    void* block = allocate(Device::cpu, bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0U) << bytes;
    std::memset(block, 0xAB, bytes);  // a sanitizer build sees whether all of it is ours
    deallocate(Device::cpu, block, bytes);
  }
}

TEST(Allocator, SteadyStateAsksNothingFromTheSystem) {
  const auto step = [] {
    const Tensor a = Tensor::empty({1000}, Dtype::f32), b = Tensor::empty({7, 9, 11}, Dtype::f64);
    const Tensor c = Tensor::empty({1 << 20}, Dtype::f32);
  };
  step();
  const int64_t calls = memory_stats().system_calls;
  for (int i = 0; i < 100; ++i) step();
  EXPECT_EQ(memory_stats().system_calls, calls);
}

/// Blocks of one size follow those of another in the same memory: what is given back in any order
/// grows together again.
TEST(Allocator, LargeBlocksShareTheirMemory) {
  constexpr size_t mib = size_t{1} << 20;
  const auto fill = [](const std::vector<size_t>& sizes, const std::vector<size_t>& order) {
    std::vector<unsigned char*> blocks;
    for (const size_t size : sizes) {
      blocks.push_back(static_cast<unsigned char*>(allocate(Device::cpu, size)));
      std::memset(blocks.back(), static_cast<int>(blocks.size()), size);
    }
    for (size_t i = 0; i < blocks.size(); ++i)  // nobody wrote into a neighbour
      EXPECT_EQ(std::count(blocks[i], blocks[i] + sizes[i], i + 1), static_cast<int64_t>(sizes[i]));
    for (const size_t i : order) deallocate(Device::cpu, blocks[i], sizes[i]);
  };
  empty_cache();
  fill({24 * mib}, {0});
  const int64_t calls = memory_stats().system_calls, cached = memory_stats().cached;
  EXPECT_GE(cached, 24 * static_cast<int64_t>(mib));
  fill({3 * mib, 5 * mib, 7 * mib, 9 * mib}, {2, 0, 3, 1});
  fill({11 * mib, 13 * mib}, {1, 0});
  fill({2 * mib + 1, 4 * mib + 77, 17 * mib - 200'000}, {0, 2, 1});
  fill({24 * mib}, {0});
  EXPECT_EQ(memory_stats().system_calls, calls);
  EXPECT_EQ(memory_stats().cached, cached);
  empty_cache();
}

/// A block that is larger than any free range is put together from the huge pages in several.
TEST(Allocator, FreePagesHereAndThereMakeALargeBlock) {
  constexpr size_t mib = size_t{1} << 20;
  struct Block {
    size_t size;
    int value;
    unsigned char* data;
  };
  const auto make = [](size_t size, int value) {
    const Block b{size, value, static_cast<unsigned char*>(allocate(Device::cpu, size))};
    std::memset(b.data, value, size);
    return b;
  };
  const auto release = [](const Block& b) {
    EXPECT_EQ(std::count(b.data, b.data + b.size, b.value), static_cast<int64_t>(b.size))
        << "somebody wrote into block " << b.value;
    deallocate(Device::cpu, b.data, b.size);
  };
  const auto held = [] { return memory_stats().in_use + memory_stats().cached; };
  const auto free_mib = [] { return memory_stats().cached / static_cast<int64_t>(mib); };

  empty_cache();
  release(make(80 * mib, 0));
  std::vector<Block> blocks;
  for (int i = 1; i <= 15; ++i) blocks.push_back(make(5 * mib, i));
  for (size_t i = 0; i < 15; i += 2) release(blocks[i]);

  // In each of the eight gaps lies at least one whole page, and none holds 16 MiB.
  const int64_t calls = memory_stats().system_calls, before = held();
  const Block large = make(16 * mib, 16);
  EXPECT_EQ(memory_stats().system_calls, calls);
  EXPECT_EQ(held(), before);

  // Of 100 MiB the system is asked for what lacks; at either end of a gap less than a page is left.
  const Block larger = make(100 * mib, 17);
  EXPECT_EQ(memory_stats().system_calls, calls + 1);
  EXPECT_LT(free_mib(), 2 * 2 * 8);
  const int64_t all = held();
  EXPECT_LT(all, before + static_cast<int64_t>(100 * mib));

  for (size_t i = 1; i < 15; i += 2) release(blocks[i]);
  release(large);
  release(larger);
  EXPECT_EQ(memory_stats().cached, all - memory_stats().in_use);
  empty_cache();
  EXPECT_EQ(memory_stats().cached, 0);
}

TEST(Allocator, CountsWhatLives) {
  empty_cache();
  EXPECT_EQ(memory_stats().cached, 0);
  const int64_t before = memory_stats().in_use;
  reset_peak_memory();
  EXPECT_EQ(memory_stats().peak_in_use, before);
  const int64_t mib = 1 << 20;
  {
    const Tensor x = Tensor::empty({mib}, Dtype::f32);
    const int64_t used = memory_stats().in_use - before;
    EXPECT_GE(used, 4 * mib);
    EXPECT_LE(used, 4 * mib + mib / 8);  // large blocks are multiples of 64 KiB
  }
  EXPECT_EQ(memory_stats().in_use, before);
  EXPECT_GE(memory_stats().peak_in_use, before + 4 * mib);
  EXPECT_GE(memory_stats().cached, 4 * mib);
  empty_cache();
  EXPECT_EQ(memory_stats().cached, 0);
}

TEST(Allocator, RefusesWhatDoesNotExist) {
  EXPECT_THAT([] { allocate(Device::cpu, size_t{1} << 62); },
              testing::ThrowsMessage<OutOfMemoryError>(testing::HasSubstr("4611686018427387904")));
}

TEST(Allocator, ServesSeveralThreads) {
  const int64_t before = memory_stats().in_use;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 200; ++i) {
          const size_t bytes = static_cast<size_t>(64 * (i % 7 + 1));
          auto* block = static_cast<unsigned char*>(allocate(Device::cpu, bytes));
          std::memset(block, t, bytes);
          for (size_t k = 0; k < bytes; ++k) ASSERT_EQ(block[k], t);
          deallocate(Device::cpu, block, bytes);
        }
      });
  }
  EXPECT_EQ(memory_stats().in_use, before);
}

}  // namespace
}  // namespace pixelgrad
