#include "tensor/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace pixelgrad {
namespace {

class Threads : public testing::TestWithParam<int> {
 protected:
  Threads() { set_num_threads(GetParam()); }
  ~Threads() override { set_num_threads(before_); }
  int before_ = num_threads();
};

TEST_P(Threads, EveryTaskRunsOnce) {
  EXPECT_EQ(num_threads(), GetParam());
  for (int64_t tasks : {0, 1, 2, 3, 100, 5000}) {
    std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
    parallel_for(tasks, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
    for (const auto& r : runs) EXPECT_EQ(r, 1);
  }
}

TEST_P(Threads, RangesCoverAllWithoutOverlap) {
  for (int64_t n : {0, 1, 9, 10, 11, 1234}) {
    std::vector<std::atomic<int>> hits(static_cast<size_t>(n));
    parallel_range(n, 10, [&](int64_t begin, int64_t end) {
      EXPECT_EQ(begin % 10, 0);
      EXPECT_LE(end - begin, 10);
      for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
    });
    for (const auto& h : hits) EXPECT_EQ(h, 1);
  }
}

TEST_P(Threads, AnExceptionReachesTheCallerAndThePoolGoesOn) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(parallel_for(100,
                              [](int64_t i) {
                                if (i % 10 == 3) throw std::runtime_error("task");
                              }),
                 std::runtime_error);
    std::atomic<int> runs{0};
    parallel_for(100, [&](int64_t) { ++runs; });
    EXPECT_EQ(runs, 100);
  }
}

TEST_P(Threads, TasksThatRunTogetherHaveDifferentIndices) {
  std::vector<std::atomic<int>> running(static_cast<size_t>(GetParam()));
  parallel_for(200, [&](int64_t) {
    const int index = thread_index();
    ASSERT_GE(index, 0);
    ASSERT_LT(index, num_threads());
    EXPECT_EQ(running[static_cast<size_t>(index)]++, 0);
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    parallel_for(3, [&](int64_t) { EXPECT_EQ(thread_index(), index); });
    --running[static_cast<size_t>(index)];
  });
  EXPECT_EQ(thread_index(), 0);
}

TEST_P(Threads, NestedCallsRunOnTheCaller) {
  std::atomic<int> runs{0};
  parallel_for(8, [&](int64_t) {
    const auto me = std::this_thread::get_id();
    parallel_for(8, [&](int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), me);
      ++runs;
    });
  });
  EXPECT_EQ(runs, 64);
}

TEST_P(Threads, CallersFromSeveralThreadsDoNotDisturbEachOther) {
  std::atomic<int> runs{0};
  {
    std::vector<std::jthread> callers;
    for (int t = 0; t < 4; ++t)
      callers.emplace_back([&] {
        for (int round = 0; round < 50; ++round) parallel_for(20, [&](int64_t) { ++runs; });
      });
  }
  EXPECT_EQ(runs, 4 * 50 * 20);
}

INSTANTIATE_TEST_SUITE_P(All, Threads, testing::Values(1, 2, 4, 7));

TEST(SetNumThreads, IsAtLeastOne) {
  const int before = num_threads();
  set_num_threads(0);
  EXPECT_EQ(num_threads(), 1);
  set_num_threads(before);
}

}  // namespace
}  // namespace pixelgrad
