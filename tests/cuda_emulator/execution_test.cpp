// Blocks, threads, barriers and shared memory.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "tests/cuda_emulator/kernels/execution.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

using emulator::Order;

std::vector<int> counting(size_t n) {
  std::vector<int> values(n);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

struct OrderCase {
  Order order;
  uint64_t seed;
};
/// For the names of the tests.
void PrintTo(const OrderCase& c, std::ostream* out) {
  const char* const names[] = {"ascending", "descending", "shuffled"};
  *out << names[static_cast<int>(c.order)] << c.seed;
}
class InAnyOrder : public testing::TestWithParam<OrderCase> {
 protected:
  WithOrder order_{GetParam().order, GetParam().seed};
};
INSTANTIATE_TEST_SUITE_P(Execution, InAnyOrder,
                         testing::Values(OrderCase{Order::ascending, 0},
                                         OrderCase{Order::descending, 0},
                                         OrderCase{Order::shuffled, 1},
                                         OrderCase{Order::shuffled, 2}));

TEST_P(InAnyOrder, EachThreadKnowsItsPlace) {
  const dim3 grid(3, 2, 4), block(5, 3, 2);
  const size_t threads = 24 * 30;
  DeviceArray<Place> places(threads);
  expect_success(launch({grid, block}, write_places, places.data()));
  size_t i = 0;
  const std::vector<Place> found = places.values();
  for (unsigned bz = 0; bz < 4; ++bz)
    for (unsigned by = 0; by < 2; ++by)
      for (unsigned bx = 0; bx < 3; ++bx)
        for (unsigned z = 0; z < 2; ++z)
          for (unsigned y = 0; y < 3; ++y)
            for (unsigned x = 0; x < 5; ++x) {
              const Place& p = found[i++];
              const std::vector<unsigned> numbers = {p.thread.x,    p.thread.y,    p.thread.z,
                                                     p.block.x,     p.block.y,     p.block.z,
                                                     p.block_dim.x, p.block_dim.y, p.block_dim.z,
                                                     p.grid_dim.x,  p.grid_dim.y,  p.grid_dim.z};
              ASSERT_EQ(numbers, (std::vector<unsigned>{x, y, z, bx, by, bz, 5, 3, 2, 3, 2, 4}));
            }
}

TEST_P(InAnyOrder, BlockSumsByShuffles) {
  const std::vector<int> values = counting(5 * 256);
  DeviceArray<int> in(values), sums(5);
  expect_success(launch({5, 256}, block_sums, in.data(), sums.data()));
  // 0 + ... + 255, and 256 * 256 more for each block.
  EXPECT_THAT(sums.values(), testing::ElementsAre(32640, 98176, 163712, 229248, 294784));
}

TEST_P(InAnyOrder, TransposesThroughSharedMemory) {
  const int height = 70, width = 45;
  std::vector<float> values(static_cast<size_t>(height * width));
  std::iota(values.begin(), values.end(), 0.0f);
  DeviceArray<float> in(values), out(values.size());
  expect_success(
      launch({dim3(2, 3), dim3(32, 8)}, transpose, in.data(), out.data(), height, width));
  const std::vector<float> transposed = out.values();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      ASSERT_EQ(transposed[static_cast<size_t>(x * height + y)], static_cast<float>(y * width + x));
}

TEST_P(InAnyOrder, PrefixSums) {
  for (const unsigned threads : {1u, 33u, 1024u}) {
    DeviceArray<int> values(counting(threads));
    expect_success(launch({1, threads, threads * sizeof(int)}, prefix_sums, values.data()));
    const std::vector<int> sums = values.values();
    for (size_t i = 0; i < threads; ++i) ASSERT_EQ(sums[i], static_cast<int>(i * (i + 1) / 2));
  }
}

TEST_P(InAnyOrder, VotesOfABlock) {
  DeviceArray<int> counts(3);
  DeviceArray<int> values(counting(77));
  expect_success(launch({1, 77}, vote, values.data(), counts.data()));
  EXPECT_THAT(counts.values(), testing::ElementsAre(38, 1, 0));
  DeviceArray<int> odd(std::vector<int>(77, 3)), even(std::vector<int>(77, 4));
  expect_success(launch({1, 77}, vote, odd.data(), counts.data()));
  EXPECT_THAT(counts.values(), testing::ElementsAre(77, 1, 1));
  expect_success(launch({1, 77}, vote, even.data(), counts.data()));
  EXPECT_THAT(counts.values(), testing::ElementsAre(0, 0, 0));
}

std::vector<int> shifted(void (*kernel)(const int*, int*), Order order, uint64_t seed = 0) {
  const WithOrder with(order, seed);
  DeviceArray<int> in(counting(64)), out(64);
  expect_success(launch({1, 64, 64 * sizeof(int)}, kernel, in.data(), out.data()));
  return out.values();
}

TEST(Race, AMissingBarrierDependsOnTheOrder) {
  std::vector<int> right = counting(64);
  std::rotate(right.begin(), right.begin() + 1, right.end());
  for (const Order order : {Order::ascending, Order::descending, Order::shuffled})
    EXPECT_EQ(shifted(shift_left<true>, order), right);
  EXPECT_NE(shifted(shift_left<false>, Order::ascending),
            shifted(shift_left<false>, Order::descending));
  EXPECT_NE(shifted(shift_left<false>, Order::shuffled, 1),
            shifted(shift_left<false>, Order::shuffled, 2));
  EXPECT_EQ(shifted(shift_left<false>, Order::shuffled, 1),
            shifted(shift_left<false>, Order::shuffled, 1));
}

TEST(DynamicShared, IsNewForEveryBlock) {
  DeviceArray<unsigned> found(3 * 40);
  expect_success(launch({3, 40, 160}, read_then_dirty, found.data()));
  EXPECT_THAT(found.values(), testing::Each(0xFFFFFFFFu));
}

TEST(DynamicShared, IsAligned) {
  DeviceArray<long long> addresses(3);
  for (const size_t bytes : {1, 7, 5000}) {
    expect_success(launch({3, 32, bytes}, dynamic_address, addresses.data()));
    for (const long long address : addresses.values()) EXPECT_EQ(address % 128, 0);
  }
}

/// The threads of 6 blocks of 50 as they ran.
std::vector<int> order_seen() {
  DeviceArray<int> next(std::vector<int>{0}), seen(6 * 50);
  expect_success(launch({6, 50}, note_order, next.data(), seen.data()));
  return seen.values();
}

TEST(OrderOfThreadsDeathTest, MayComeFromTheEnvironment) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the variable is read once a process
  setenv("PIXELGRAD_EMULATOR_ORDER", "descending", 1);
  EXPECT_EXIT(std::exit(order_seen()[0]), testing::ExitedWithCode(299 % 256), "");
  setenv("PIXELGRAD_EMULATOR_ORDER", "sideways", 1);
  const auto message = [] {
    try {
      order_seen();
    } catch (const std::runtime_error& error) {
      std::fputs(error.what(), stderr);
    }
    std::exit(3);
  };
  EXPECT_EXIT(message(), testing::ExitedWithCode(3), "is sideways, expected ascending, desc");
  unsetenv("PIXELGRAD_EMULATOR_ORDER");
}

TEST(OrderOfThreads, IsTheOneThatWasChosen) {
  const auto noted = [](Order order, uint64_t seed) {
    const WithOrder with(order, seed);
    return order_seen();
  };
  std::vector<int> all = counting(300);
  EXPECT_EQ(noted(Order::ascending, 0), all);
  const std::vector<int> shuffled = noted(Order::shuffled, 5);
  EXPECT_NE(shuffled, all);
  EXPECT_NE(shuffled, noted(Order::shuffled, 6));
  EXPECT_EQ(shuffled, noted(Order::shuffled, 5));
  EXPECT_THAT(shuffled, testing::UnorderedElementsAreArray(all));
  std::reverse(all.begin(), all.end());
  EXPECT_EQ(noted(Order::descending, 0), all);
}

TEST(Launch, AMillionThreads) {
  const int n = 1000003;
  DeviceArray<int> values(std::vector<int>(n, 41));
  expect_success(launch({(n + 255) / 256, 256}, add_one, values.data(), n));
  EXPECT_THAT(values.values(), testing::Each(42));
}

}  // namespace
}  // namespace emulated
