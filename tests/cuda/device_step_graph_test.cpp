// A step that the device is asked for as one graph does what it does when it is asked for kernel by
// kernel: values, errors, and what the host reads in its middle.
#include "tensor/step_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "autograd/ops/arithmetic.h"
#include "autograd/ops/reduce.h"
#include "optim/sgd.h"
#include "tensor/allocator.h"
#include "tensor/readback.h"
#include "tensor/uploads.h"
#include "tests/cuda/device.h"
#include "tests/cuda/paces.h"

namespace pixelgrad {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

class DeviceStepGraph : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
  }
};

Tensor filled(int64_t n, double value, Device device = Device::cuda) {
  return Tensor::full({n}, value, Dtype::f32, device);
}

/// The sum of a vector, for which the host does not wait.
Tensor total(const Tensor& x) { return sum(x, {0}); }

/// Runs f, which calls the graph that it is given once a step, at every pace with graphs and
/// without.
template <class F>
void with_and_without(const F& f) {
  at_every_pace([&] {
    for (const bool on : {true, false}) {
      SCOPED_TRACE(on ? "with graphs" : "without");
      StepGraph graph(Device::cuda, on);
      for (int i = 0; i < 2; ++i) graph.run([] {});  // of which no graph is made
      f(graph);
    }
  });
}

/// A parameter that moves, and numbers that are computed from batches. Sizes, learning rates and
/// addresses change from step to step, and a step of `more` has more kernels than others.
class Training {
 public:
  explicit Training(bool with_graphs) : graph_(Device::cuda, with_graphs) {}

  void step(int64_t n, bool more = false) {
    ++steps_;
    const double rate = 0.01 * steps_;
    const Tensor batch = uploads_.upload(filled(n, steps_, Device::cpu));
    Tensor number;
    graph_.run([&] {
      const Tensor squares = batch * batch;
      number = total(more ? squares + batch : squares);
      optimizer_.step(rate, std::vector<Tensor>{param_.clone()});
    });
    uploads_.end_step();
    numbers_.emplace_back(std::vector<Tensor>{number});
    if (steps_ % 4 == 0) values_.push_back(param_.to_doubles()[0]);  // the host may wait here
  }

  std::vector<double> values() const {
    std::vector<double> out = values_;
    for (const Readback& number : numbers_) out.push_back(number.values()[0]);
    for (const double value : param_.to_doubles()) out.push_back(value);
    return out;
  }

 private:
  StepGraph graph_;
  Uploads uploads_{Device::cuda};
  Tensor param_ = Tensor::from<float>({3}, {1, -2, 0.25F}).to(Device::cuda);
  Sgd optimizer_{{{"p", param_}}, {.momentum = 0.9}};
  std::vector<Readback> numbers_;
  std::vector<double> values_;
  int steps_ = 0;
};

TEST_F(DeviceStepGraph, StepsThatChangeHaveTheBitsThatTheyHaveWithout) {
  const auto run = [](bool with_graphs) {
    Training training(with_graphs);
    for (const int64_t n : {100, 100, 100, 100, 100, 30, 100, 5000, 5000, 100, 100})
      training.step(n, n == 5000);
    return training.values();
  };
  const std::vector<double> right = run(false);
  EXPECT_EQ(right[2], 100);      // 100 times 1^2
  EXPECT_EQ(right[7], 30 * 36);  // 30 times 6^2
  at_every_pace([&] { EXPECT_EQ(run(true), right); });
}

TEST_F(DeviceStepGraph, TheHostReadsAndWritesInTheMiddle) {
  with_and_without([](StepGraph& graph) {
    for (int i = 1; i <= 3; ++i) {
      Tensor host = filled(50, i, Device::cpu);
      const Tensor x = filled(50, i);
      Tensor y, z, up;
      double read = 0;
      graph.run([&] {
        y = x + x;
        read = sum(y).item();
        z = y * filled(50, read);
        up = host.to(Device::cuda) + y;
        host.fill(-1);
      });
      EXPECT_EQ(read, 100 * i);
      EXPECT_THAT(z.to_doubles(), Each(200 * i * i));
      EXPECT_THAT(up.to_doubles(), Each(3 * i));
    }
  });
}

TEST_F(DeviceStepGraph, BatchesAndNumbersMayAlsoTravelInside) {
  with_and_without([](StepGraph& graph) {
    Uploads uploads(Device::cuda);
    std::vector<Readback> sums;
    for (int i = 1; i <= 5; ++i)
      graph.run([&] {
        const Tensor one = filled(10, 1) + filled(10, i);
        const Tensor x = uploads.upload(filled(10, i, Device::cpu));
        const Tensor y = uploads.upload(filled(10, 10 * i, Device::cpu));
        sums.emplace_back(std::vector<Tensor>{total(x + y), total(one)});
        uploads.end_step();
      });
    for (int i = 1; i <= 5; ++i)
      EXPECT_THAT(sums[static_cast<size_t>(i - 1)].values(), ElementsAre(110 * i, 10 + 10 * i));
  });
}

TEST_F(DeviceStepGraph, MemoryThatIsFreedInAStepIsUsedAgainInItsOrder) {
  with_and_without([](StepGraph& graph) {
    std::vector<Tensor> kept;
    graph.run([&] {
      for (int i = 1; i <= 20; ++i) {
        const Tensor freed = filled(1000, i);
        kept.push_back(freed + freed);
      }
    });
    const Tensor next = filled(1000, 0);
    for (int i = 1; i <= 20; ++i)
      EXPECT_THAT(kept[static_cast<size_t>(i - 1)].to_doubles(), Each(2 * i));
  });
}

TEST_F(DeviceStepGraph, AnErrorLeavesDoneWhatWasAskedForBefore) {
  with_and_without([](StepGraph& graph) {
    Tensor x = filled(4, 0);
    for (int i = 1; i <= 2; ++i) {
      try {
        graph.run([&] {
          x.fill(i);
          throw std::runtime_error("the step's own");
        });
        ADD_FAILURE() << "no error";
      } catch (const std::runtime_error& e) {
        EXPECT_STREQ(e.what(), "the step's own");
      }
#ifdef PIXELGRAD_CUDA_EMULATED
      cudaStreamCaptureStatus status = cudaStreamCaptureStatusActive;
      EXPECT_EQ(cudaStreamIsCapturing(cuda::stream(), &status), cudaSuccess);
      EXPECT_EQ(status, cudaStreamCaptureStatusNone);
#endif
      EXPECT_THAT(x.to_doubles(), Each(i));
    }
    graph.run([&] { x.fill(9); });
    EXPECT_THAT(x.to_doubles(), Each(9));
  });
}

TEST_F(DeviceStepGraph, AStepInAStepIsPartOfIt) {
  with_and_without([](StepGraph& graph) {
    StepGraph inner(Device::cuda);
    Tensor x = filled(4, 1);
    for (int i = 0; i < 4; ++i)
      graph.run([&] {
        inner.run([&] { x.copy_from(x + x); });
        x.copy_from(x + x);
      });
    EXPECT_THAT(x.to_doubles(), Each(256));
  });
}

TEST(StepGraph, OnTheCpuTheFunctionIsCalled) {
  StepGraph graph(Device::cpu);
  int calls = 0;
  for (int i = 0; i < 5; ++i) graph.run([&] { ++calls; });
  EXPECT_EQ(calls, 5);
}

#ifdef PIXELGRAD_CUDA_EMULATED

/// What f does with graphs.
template <class F>
emulator::GraphCounts counts_of(const F& f) {
  const emulator::GraphCounts before = emulator::graph_counts();
  f();
  const emulator::GraphCounts now = emulator::graph_counts();
  return {.instantiations = now.instantiations - before.instantiations,
          .updates = now.updates - before.updates,
          .refused_updates = now.refused_updates - before.refused_updates,
          .launches = now.launches - before.launches,
          .executables = now.executables - before.executables};
}

TEST_F(DeviceStepGraph, AllStepsButTheFirstTwoAreLaunchesOfOneExecutable) {
  const emulator::GraphCounts counts = counts_of([] {
    Training training(true);
    for (int i = 0; i < 10; ++i) training.step(i == 9 ? 30 : 100);
  });
  EXPECT_EQ(counts.launches, 8);
  EXPECT_EQ(counts.instantiations, 1);
  EXPECT_EQ(counts.updates, 7);
  EXPECT_EQ(counts.refused_updates, 0);
  EXPECT_EQ(counts.executables, 0);
}

TEST_F(DeviceStepGraph, AnotherStructureNowAndThenTakesANewExecutable) {
  at_every_pace([] {
    const emulator::GraphCounts counts = counts_of([] {
      Training training(true);
      for (int i = 0; i < 20; ++i) training.step(100, i % 5 == 4);
    });
    EXPECT_EQ(counts.launches, 18);
    EXPECT_EQ(counts.instantiations, 1 + 2 * 3 + 1);  // there and back, and there at the end
    EXPECT_EQ(counts.executables, 0);
  });
}

TEST_F(DeviceStepGraph, StepsThatAlwaysChangeGoOnWithoutGraphs) {
  const emulator::GraphCounts counts = counts_of([] {
    Training training(true);
    for (int i = 0; i < 20; ++i) training.step(100, i % 2 == 0);
  });
  EXPECT_EQ(counts.refused_updates, 4);
  EXPECT_EQ(counts.launches, 5);
  EXPECT_EQ(counts.executables, 0);
}

TEST_F(DeviceStepGraph, WhatComesBehindAWaitInAStepIsNotInTheGraph) {
  const Tensor x = filled(10, 1);
  const emulator::GraphCounts counts = counts_of([&] {
    StepGraph graph(Device::cuda);
    for (int i = 0; i < 6; ++i)
      graph.run([&] {
        const Tensor y = x + x;
        y.to_doubles();
        const Tensor z = y + y;
        z.to_doubles();
      });
    for (int i = 0; i < 3; ++i) graph.run([&] { x.to_doubles(); });  // nothing to launch before it
  });
  EXPECT_EQ(counts.launches, 4);
  EXPECT_EQ(counts.instantiations, 1);
}

/// Steps on a device that has 3 MiB left: the message of the error, or "none".
std::string with_3_mebibytes(bool with_graphs, int64_t floats, const Tensor& x) {
  StepGraph graph(Device::cuda, with_graphs);
  for (int i = 0; i < 2; ++i) graph.run([] {});
  empty_cache(Device::cuda);
  size_t free = 0, all = 0;
  EXPECT_EQ(cudaMemGetInfo(&free, &all), cudaSuccess);
  emulator::set_memory_limit(all - free + (3 << 20));
  std::string message = "none";
  try {
    graph.run([&] {
      Tensor target = x;
      {
        const Tensor freed =
            filled(400'000, 5);  // where it was there is room only once it is freed
        target.copy_from(total(freed).view({1}));
      }
      const Tensor large = Tensor::empty({floats}, Dtype::f32, Device::cuda);
      Tensor(large).fill(1);
      target.copy_from(target + target);
    });
  } catch (const OutOfMemoryError& e) {
    message = e.what();
  }
  emulator::set_memory_limit(SIZE_MAX);
  return message;
}

TEST_F(DeviceStepGraph, AFullDeviceGivesUpItsCacheAndTheStepGoesOn) {
  with_and_without([](StepGraph&) {});  // whatever is made once
  at_every_pace([] {
    for (const bool on : {true, false}) {
      const Tensor x = filled(1, 0);
      EXPECT_EQ(with_3_mebibytes(on, 650'000, x), "none");
      EXPECT_THAT(x.to_doubles(), ElementsAre(4'000'000));
    }
  });
}

TEST_F(DeviceStepGraph, AFullDeviceIsTheSameErrorInAGraph) {
  at_every_pace([] {
    const Tensor x = filled(1, 0), y = filled(1, 0);
    const std::string error = with_3_mebibytes(true, 900'000, x);
    EXPECT_EQ(error, with_3_mebibytes(false, 900'000, y));
    EXPECT_THAT(error, ::testing::HasSubstr("no memory for 3600000 bytes on cuda"));
    EXPECT_THAT(x.to_doubles(), ElementsAre(2'000'000));  // what came before it is done
    EXPECT_THAT(y.to_doubles(), ElementsAre(2'000'000));
  });
}

#endif

}  // namespace
}  // namespace pixelgrad
