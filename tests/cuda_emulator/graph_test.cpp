// Streams, events, and graphs of captured work.
#include <thread>

#include "tests/cuda_emulator/kernels/execution.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

class Graphs : public testing::Test {
 protected:
  void SetUp() override {
    expect_success(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    expect_success(cudaStreamCreateWithFlags(&second_, cudaStreamNonBlocking));
    expect_success(cudaEventCreateWithFlags(&fork_, cudaEventDisableTiming));
    expect_success(cudaEventCreateWithFlags(&join_, cudaEventDisableTiming));
    cudaGetLastError();
  }
  void TearDown() override {
    for (cudaStream_t stream : {stream_, second_}) expect_success(cudaStreamDestroy(stream));
    for (cudaEvent_t event : {fork_, join_}) expect_success(cudaEventDestroy(event));
    cudaGetLastError();
  }

  void begin() { expect_success(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal)); }
  cudaError_t end() { return cudaStreamEndCapture(stream_, &graph_); }
  /// Expects an error of a call, which makes that of the capture's end.
  void expect_ended_by(cudaError_t expected, cudaError_t found) {
    EXPECT_EQ(found, expected) << cudaGetErrorName(found);
    EXPECT_EQ(end(), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph_, nullptr);
  }
  cudaError_t add(int n = 4) { return launch({1, 32, 0, stream_}, add_one, values_.data(), n); }
  /// The graph of what f asks for.
  template <class F>
  cudaGraph_t recorded(F&& f) {
    begin();
    f();
    expect_success(end());
    return graph_;
  }

  cudaStream_t stream_ = nullptr, second_ = nullptr;
  cudaEvent_t fork_ = nullptr, join_ = nullptr;
  cudaGraph_t graph_ = nullptr;
  DeviceArray<int> values_{std::vector<int>{10, 20, 30, 40}};
};

TEST_F(Graphs, WorkIsRecordedAndThenRunAsOftenAsAsked) {
  Pinned host({1});
  begin();
  cudaStreamCaptureStatus status;
  expect_success(cudaStreamIsCapturing(stream_, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  int n = 3;
  expect_success(add(n));
  n = 0;  // the kernel has its own
  expect_success(cudaMemsetAsync(values_.data() + 3, 0, 4, stream_));
  expect_success(
      cudaMemcpyAsync(values_.data() + 2, host.data(), 4, cudaMemcpyHostToDevice, stream_));
  expect_success(end());
  expect_success(cudaStreamIsCapturing(stream_, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusNone);
  EXPECT_THAT(values_.values(), testing::ElementsAre(10, 20, 30, 40));

  cudaGraphExec_t executable = nullptr;
  expect_success(cudaGraphInstantiate(&executable, graph_));
  expect_success(cudaGraphDestroy(graph_));  // the executable is its own
  expect_success(cudaGraphLaunch(executable, stream_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(11, 21, 1, 0));
  host[0] = 9;  // memory is read when the graph runs
  expect_success(cudaGraphLaunch(executable, stream_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(12, 22, 9, 0));
  expect_success(cudaGraphExecDestroy(executable));
  EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaErrorInvalidValue);
}

TEST_F(Graphs, AnExecutableIsUpdatedToAGraphOfTheSameStructure) {
  const auto before = emulator::graph_counts();
  cudaGraphExec_t executable = nullptr;
  const cudaGraph_t first = recorded([&] {
    expect_success(add(1));
    expect_success(cudaMemsetAsync(values_.data() + 3, 0, 4, stream_));
  });
  expect_success(cudaGraphInstantiate(&executable, first));
  const cudaGraph_t second = recorded([&] {
    expect_success(launch({1, 32, 0, stream_}, add_one, values_.data() + 1, 2));
    expect_success(cudaMemsetAsync(values_.data(), 0, 8, stream_));
  });
  size_t count = 0;
  expect_success(cudaGraphGetNodes(second, nullptr, &count));
  EXPECT_EQ(count, 2u);
  cudaGraphNode_t nodes[3] = {};
  count = 3;
  expect_success(cudaGraphGetNodes(second, nodes, &count));
  EXPECT_EQ(count, 2u);
  EXPECT_THAT(nodes, testing::ElementsAre(testing::NotNull(), testing::NotNull(), nullptr));

  emulator::set_late(stream_, true);
  expect_success(cudaGraphLaunch(executable, stream_));  // is not touched by the update
  cudaGraphExecUpdateResultInfo info{};
  expect_success(cudaGraphExecUpdate(executable, second, &info));
  EXPECT_EQ(info.result, cudaGraphExecUpdateSuccess);
  for (const cudaGraph_t graph : {first, second}) expect_success(cudaGraphDestroy(graph));
  expect_success(cudaGraphLaunch(executable, stream_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(10, 20, 30, 40));
  expect_success(cudaStreamSynchronize(stream_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(0, 0, 31, 0));
  expect_success(cudaGraphExecDestroy(executable));
  const auto after = emulator::graph_counts();
  EXPECT_EQ(after.instantiations, before.instantiations + 1);
  EXPECT_EQ(after.updates, before.updates + 1);
  EXPECT_EQ(after.refused_updates, before.refused_updates);
  EXPECT_EQ(after.launches, before.launches + 2);
  EXPECT_EQ(after.executables, before.executables);
}

TEST_F(Graphs, AnUpdateToAnotherStructureIsRefusedAndChangesNothing) {
  Pinned host({7});
  const auto copy = [&](cudaMemcpyKind kind) {
    void* const here = host.data();
    void* const there = values_.data();
    const bool up = kind == cudaMemcpyHostToDevice;
    expect_success(cudaMemcpyAsync(up ? there : here, up ? here : there, 4, kind, stream_));
  };
  const cudaGraph_t first = recorded([&] {
    expect_success(add());
    copy(cudaMemcpyHostToDevice);
  });
  cudaGraphExec_t executable = nullptr;
  expect_success(cudaGraphInstantiate(&executable, first));
  expect_success(cudaGraphDestroy(first));
  const auto expect_refusal = [&](cudaGraphExecUpdateResult why, bool names_node, auto f) {
    const cudaGraph_t other = recorded(f);
    cudaGraphExecUpdateResultInfo info{};
    EXPECT_EQ(cudaGraphExecUpdate(executable, other, &info), cudaErrorGraphExecUpdateFailure);
    EXPECT_EQ(info.result, why);
    EXPECT_EQ(info.errorNode != nullptr, names_node);
    expect_success(cudaGraphDestroy(other));
  };
  expect_refusal(cudaGraphExecUpdateErrorTopologyChanged, false, [&] { expect_success(add()); });
  expect_refusal(cudaGraphExecUpdateErrorNodeTypeChanged, true, [&] {
    expect_success(add());
    expect_success(add());
  });
  expect_refusal(cudaGraphExecUpdateErrorParametersChanged, true, [&] {
    expect_success(add());
    copy(cudaMemcpyDeviceToHost);
  });
  expect_refusal(cudaGraphExecUpdateErrorNotSupported, false, [&] {  // a fork: not emulated
    expect_success(cudaEventRecord(fork_, stream_));
    expect_success(cudaStreamWaitEvent(second_, fork_));
    expect_success(launch({1, 32, 0, second_}, add_one, values_.data(), 2));
    expect_success(cudaEventRecord(join_, second_));
    expect_success(cudaStreamWaitEvent(stream_, join_));
    expect_success(add());
  });
  expect_success(cudaGraphLaunch(executable, stream_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(7, 21, 31, 41));
  expect_success(cudaGraphExecDestroy(executable));
  cudaGraphExecUpdateResultInfo info{};
  EXPECT_EQ(cudaGraphExecUpdate(executable, graph_, &info), cudaErrorInvalidValue);
}

TEST_F(Graphs, MemoryThatIsNotPageLockedIsNotCopiedByGraphs) {
  int host = 0;
  begin();
  expect_ended_by(cudaErrorStreamCaptureUnsupported,
                  cudaMemcpyAsync(values_.data(), &host, 4, cudaMemcpyHostToDevice, stream_));
  begin();
  expect_ended_by(cudaErrorStreamCaptureUnsupported,
                  cudaMemcpyAsync(&host, values_.data(), 4, cudaMemcpyDeviceToHost, stream_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(10, 20, 30, 40));
}

TEST_F(Graphs, ErrorsOfALaunchComeAtOnce) {
  begin();
  EXPECT_EQ(launch({1, 2000, 0, stream_}, add_one, values_.data(), 4),
            cudaErrorInvalidConfiguration);
  expect_success(end());
  expect_success(cudaGraphDestroy(graph_));
}

TEST_F(Graphs, OtherStreamsGoOn) {
  begin();
  expect_success(add());
  expect_success(launch({1, 32, 0, second_}, add_one, values_.data(), 4));
  expect_success(launch({1, 32}, add_one, values_.data(), 4));  // the captured one is non-blocking
  expect_success(end());
  expect_success(cudaGraphDestroy(graph_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(12, 22, 32, 42));
}

TEST_F(Graphs, WaitingAndUnsafeCallsEndACapture) {
  begin();
  expect_ended_by(cudaErrorStreamCaptureUnsupported, cudaStreamSynchronize(stream_));
  begin();
  expect_ended_by(cudaErrorStreamCaptureUnsupported, cudaStreamQuery(stream_));
  begin();
  expect_ended_by(cudaErrorStreamCaptureUnsupported, cudaDeviceSynchronize());
  begin();
  void* pointer = nullptr;
  expect_ended_by(cudaErrorStreamCaptureUnsupported, cudaMalloc(&pointer, 4));
  begin();
  expect_ended_by(cudaErrorStreamCaptureUnsupported, cudaFree(nullptr));
  begin();
  int host = 0;
  expect_ended_by(cudaErrorStreamCaptureUnsupported,
                  cudaMemcpy(&host, values_.data(), 4, cudaMemcpyDeviceToHost));
  begin();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported);
  expect_ended_by(cudaErrorStreamCaptureInvalidated, add());
  EXPECT_EQ(cudaGetLastError(), cudaErrorStreamCaptureInvalidated);
  expect_success(add());  // the stream is as before
}

TEST_F(Graphs, UnsafeCallsMayBeAllowed) {
  void* pointer = nullptr;
  expect_success(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
  expect_success(cudaMalloc(&pointer, 4));
  expect_success(cudaFree(pointer));
  expect_success(end());
  expect_success(cudaGraphDestroy(graph_));

  begin();
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  expect_success(cudaThreadExchangeStreamCaptureMode(&mode));
  EXPECT_EQ(mode, cudaStreamCaptureModeGlobal);
  expect_success(cudaMalloc(&pointer, 4));
  expect_success(cudaFree(pointer));
  expect_success(cudaThreadExchangeStreamCaptureMode(&mode));
  expect_success(end());
  expect_success(cudaGraphDestroy(graph_));
}

TEST_F(Graphs, CapturesOfOtherThreads) {
  const auto from_another_thread = [](auto f) { std::jthread thread(f); };
  expect_success(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  from_another_thread([&] {
    void* pointer = nullptr;
    expect_success(cudaMalloc(&pointer, 4));
    expect_success(cudaFree(pointer));
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph_), cudaErrorStreamCaptureWrongThread);
  });
  expect_success(end());
  expect_success(cudaGraphDestroy(graph_));
  begin();
  from_another_thread([] {
    void* pointer = nullptr;
    EXPECT_EQ(cudaMalloc(&pointer, 4), cudaErrorStreamCaptureUnsupported);
  });
  EXPECT_EQ(end(), cudaErrorStreamCaptureInvalidated);
}

TEST_F(Graphs, TheLegacyStreamWaitsForBlockingOnes) {
  cudaStream_t blocking = nullptr;
  expect_success(cudaStreamCreate(&blocking));
  expect_success(cudaStreamBeginCapture(blocking, cudaStreamCaptureModeRelaxed));
  EXPECT_EQ(launch({1, 32}, add_one, values_.data(), 4), cudaErrorStreamCaptureImplicit);
  EXPECT_EQ(cudaStreamEndCapture(blocking, &graph_), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal),
            cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(blocking, &graph_), cudaErrorIllegalState);
  expect_success(cudaStreamDestroy(blocking));
  EXPECT_EQ(cudaStreamDestroy(blocking), cudaErrorInvalidResourceHandle);
}

TEST_F(Graphs, StreamsForkAndJoin) {
  begin();
  expect_success(add());
  expect_success(cudaEventRecord(fork_, stream_));
  expect_success(cudaStreamWaitEvent(second_, fork_));
  expect_success(launch({1, 32, 0, second_}, add_one, values_.data(), 2));
  expect_success(cudaEventRecord(join_, second_));
  expect_success(cudaStreamWaitEvent(stream_, join_));
  expect_success(end());
  cudaGraphExec_t executable = nullptr;
  expect_success(cudaGraphInstantiate(&executable, graph_));
  expect_success(cudaGraphLaunch(executable, second_));
  EXPECT_THAT(values_.values(), testing::ElementsAre(12, 22, 31, 41));
  expect_success(cudaGraphExecDestroy(executable));
  expect_success(cudaGraphDestroy(graph_));
}

TEST_F(Graphs, WhatForksMustJoin) {
  begin();
  expect_success(cudaEventRecord(fork_, stream_));
  expect_success(cudaStreamWaitEvent(second_, fork_));
  expect_success(launch({1, 32, 0, second_}, add_one, values_.data(), 2));
  expect_success(cudaEventRecord(join_, second_));
  expect_success(cudaStreamWaitEvent(stream_, join_));
  expect_success(launch({1, 32, 0, second_}, add_one, values_.data(), 2));  // behind the join
  EXPECT_EQ(cudaStreamEndCapture(second_, &graph_), cudaErrorStreamCaptureUnmatched);
  EXPECT_EQ(end(), cudaErrorStreamCaptureInvalidated);

  begin();
  expect_success(cudaEventRecord(fork_, stream_));
  expect_success(cudaStreamWaitEvent(second_, fork_));
  expect_success(launch({1, 32, 0, second_}, add_one, values_.data(), 2));
  EXPECT_EQ(end(), cudaErrorStreamCaptureUnjoined);
  expect_success(launch({1, 32, 0, second_}, add_one, values_.data(), 1));
  EXPECT_THAT(values_.values(), testing::ElementsAre(11, 20, 30, 40));
}

TEST_F(Graphs, EventsOfACaptureAreNoTimes) {
  begin();
  expect_success(cudaEventRecord(fork_, stream_));
  expect_ended_by(cudaErrorCapturedEvent, cudaEventSynchronize(fork_));
  expect_success(cudaEventRecord(join_, second_));
  begin();
  expect_ended_by(cudaErrorStreamCaptureIsolation, cudaStreamWaitEvent(stream_, join_));
}

TEST_F(Graphs, EventsMeasureTime) {
  cudaEvent_t start = nullptr, stop = nullptr;
  expect_success(cudaEventCreate(&start));
  expect_success(cudaEventCreate(&stop));
  float milliseconds = -1;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, stop), cudaErrorInvalidResourceHandle);
  expect_success(cudaEventRecord(start, stream_));
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  expect_success(cudaEventRecord(stop, stream_));
  expect_success(cudaEventSynchronize(stop));
  expect_success(cudaEventElapsedTime(&milliseconds, start, stop));
  EXPECT_GE(milliseconds, 3);
  EXPECT_LT(milliseconds, 3000);
  expect_success(cudaEventRecord(fork_, stream_));  // made without time
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, fork_), cudaErrorInvalidResourceHandle);
  for (cudaEvent_t event : {start, stop}) expect_success(cudaEventDestroy(event));
  EXPECT_EQ(cudaEventRecord(start, stream_), cudaErrorInvalidResourceHandle);
}

TEST_F(Graphs, HostFunctionsRunInTheirTurn) {
  std::vector<int> calls;
  const cudaHostFn_t note = [](void* data) {
    auto& calls = *static_cast<std::vector<int>*>(data);
    calls.push_back(static_cast<int>(calls.size()));
  };
  begin();
  expect_success(cudaLaunchHostFunc(stream_, note, &calls));
  expect_success(end());
  EXPECT_TRUE(calls.empty());
  cudaGraphExec_t executable = nullptr;
  expect_success(cudaGraphInstantiate(&executable, graph_));
  expect_success(cudaGraphLaunch(executable, stream_));
  EXPECT_EQ(calls.size(), 1u);
  expect_success(cudaGraphExecDestroy(executable));
  expect_success(cudaGraphDestroy(graph_));
}

}  // namespace
}  // namespace emulated
