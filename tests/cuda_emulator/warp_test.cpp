// Shuffles and votes, with the values that CUDA's documentation gives them.
#include <numeric>

#include "tests/cuda_emulator/kernels/warp.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

using emulator::Order;

template <class T>
class Shuffles : public testing::Test {};
using ShuffledTypes = testing::Types<int, unsigned, long, unsigned long, long long,
                                     unsigned long long, float, double>;
TYPED_TEST_SUITE(Shuffles, ShuffledTypes);

TYPED_TEST(Shuffles, ReadTheLanesThatTheyShould) {
  std::vector<TypeParam> values(32);
  for (size_t i = 0; i < 32; ++i)
    values[i] = static_cast<TypeParam>(100.5 + 3.25 * static_cast<double>(i));
  for (const Order order : {Order::ascending, Order::descending, Order::shuffled})
    for (const int width : {32, 8, 1}) {
      const WithOrder with(order);
      DeviceArray<TypeParam> in(values), out(128);
      expect_success(launch({1, 32}, shuffles<TypeParam>, in.data(), out.data(), width));
      const std::vector<TypeParam> found = out.values();
      for (int lane = 0; lane < 32; ++lane) {
        const int group = lane / width, place = lane % width;
        // Out of the group a lane reads itself; exclusive or may read the groups before its own.
        const int indexed = group * width + (7 * lane + 3) % width;
        const int up = place - 3 >= 0 ? lane - 3 : lane;
        const int down = place + 5 < width ? lane + 5 : lane;
        const int across = (lane ^ 9) / width <= group ? lane ^ 9 : lane;
        const int sources[] = {indexed, up, down, across};
        for (size_t kind = 0; kind < 4; ++kind)
          ASSERT_EQ(found[kind * 32 + static_cast<size_t>(lane)],
                    values[static_cast<size_t>(sources[kind])])
              << "shuffle " << kind << ", lane " << lane << ", width " << width;
      }
    }
}

std::vector<int> counting(size_t n) {
  std::vector<int> values(n);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(Warp, HalvesGoTheirOwnWays) {
  for (const Order order : {Order::ascending, Order::descending, Order::shuffled}) {
    const WithOrder with(order);
    DeviceArray<int> in(counting(64)), out(64);
    expect_success(launch({1, 64}, sums_of_halves, in.data(), out.data()));
    const std::vector<int> sums = out.values();
    for (size_t i = 0; i < 64; ++i) {
      const int half = static_cast<int>(i / 16), sum = 16 * 16 * half + 120;
      ASSERT_EQ(sums[i], half % 2 == 0 ? sum : 3 * sum);
    }
  }
}

TEST(Warp, Votes) {
  std::vector<int> values(32, 1);
  values[3] = values[30] = 0;
  DeviceArray<int> in(values);
  DeviceArray<unsigned> out(128);
  expect_success(launch({1, 32}, votes, in.data(), out.data()));
  const std::vector<unsigned> found = out.values();
  for (size_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(found[lane * 4], 0xBFFFFFF7u);
    EXPECT_EQ(found[lane * 4 + 1], 1u);
    EXPECT_EQ(found[lane * 4 + 2], 0u);
    EXPECT_EQ(found[lane * 4 + 3], lane >= 4 && lane < 8 ? 1u : 0xFFFFFFFFu);
  }
}

TEST(Warp, SyncwarpIsABarrierOfTheWarp) {
  for (const Order order : {Order::ascending, Order::descending, Order::shuffled}) {
    const WithOrder with(order);
    DeviceArray<int> values(counting(32));
    expect_success(launch({1, 32}, reverse_warp, values.data()));
    std::vector<int> reversed = counting(32);
    std::reverse(reversed.begin(), reversed.end());
    EXPECT_EQ(values.values(), reversed);
  }
}

TEST(Warp, NoValueComesFromOutOfTheMask) {
  DeviceArray<unsigned> out(4);
  expect_success(launch({1, 32}, reads_out_of_its_mask, out.data()));
  EXPECT_THAT(out.values(), testing::ElementsAre(0xFFFFFFFFu, 7, 7, 7));
}

TEST(Warp, DistancesEndAt31) {
  DeviceArray<unsigned> out(32);
  expect_success(launch({1, 32}, shuffles_over, 31u, out.data()));
  EXPECT_EQ(out.values()[0], 31u);
  EXPECT_EQ(
      kernel_error([&] {
        launch({1, 32}, shuffles_over, 32u, out.data());
      }),
      "[kernel] block (0,0,0) thread (0,0,0) __shfl_down_sync: distance is 32, expected 0 to 31");
}

}  // namespace
}  // namespace emulated
