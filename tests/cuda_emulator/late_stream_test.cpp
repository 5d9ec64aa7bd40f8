// Streams that do their work as late as CUDA allows, and the count of waits.
#include "tests/cuda_emulator/kernels/execution.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

class LateStreams : public testing::Test {
 protected:
  void SetUp() override {
    for (cudaStream_t* stream : {&compute_, &copy_}) {
      expect_success(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
      emulator::set_late(*stream, true);
    }
    for (cudaEvent_t* event : {&first_, &second_})
      expect_success(cudaEventCreateWithFlags(event, cudaEventDisableTiming));
  }
  void TearDown() override {
    for (cudaStream_t stream : {compute_, copy_}) expect_success(cudaStreamDestroy(stream));
    for (cudaEvent_t event : {first_, second_}) expect_success(cudaEventDestroy(event));
    cudaGetLastError();
  }

  void add(DeviceArray<int>& values) {
    expect_success(launch({1, 32, 0, compute_}, add_one, values.data(), 2));
  }
  static void copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                   cudaStream_t stream) {
    expect_success(cudaMemcpyAsync(to, from, bytes, kind, stream));
  }

  cudaStream_t compute_ = nullptr, copy_ = nullptr;
  cudaEvent_t first_ = nullptr, second_ = nullptr;
};

TEST_F(LateStreams, WorkIsDoneWhenTheHostWaits) {
  DeviceArray<int> values(std::vector<int>{1, 2});
  Pinned host({0, 0});
  add(values);
  copy(host.data(), values.data(), 8, cudaMemcpyDeviceToHost, compute_);
  EXPECT_EQ(cudaStreamQuery(compute_), cudaErrorNotReady);
  EXPECT_THAT(host.values(), testing::ElementsAre(0, 0));
  expect_success(cudaStreamSynchronize(compute_));
  EXPECT_THAT(host.values(), testing::ElementsAre(2, 3));
  EXPECT_EQ(cudaStreamQuery(compute_), cudaSuccess);
}

TEST_F(LateStreams, AnEventIsReachedWithWhatIsBeforeItAndNotMore) {
  DeviceArray<int> values(std::vector<int>{1, 2});
  Pinned host({0, 0});
  add(values);
  copy(&host[0], values.data(), 4, cudaMemcpyDeviceToHost, compute_);
  expect_success(cudaEventRecord(first_, compute_));
  add(values);
  copy(&host[1], values.data(), 4, cudaMemcpyDeviceToHost, compute_);
  EXPECT_EQ(cudaEventQuery(first_), cudaErrorNotReady);
  expect_success(cudaEventSynchronize(first_));
  EXPECT_EQ(cudaEventQuery(first_), cudaSuccess);
  EXPECT_THAT(host.values(), testing::ElementsAre(2, 0));
}

TEST_F(LateStreams, AStreamThatWaitsForAnEventOfAnotherSeesItsWork) {
  DeviceArray<int> values(std::vector<int>{1, 2});
  Pinned from({10, 20}), host({0, 0});
  copy(values.data(), from.data(), 8, cudaMemcpyHostToDevice, copy_);
  expect_success(cudaEventRecord(first_, copy_));
  expect_success(cudaStreamWaitEvent(compute_, first_, 0));
  add(values);
  copy(host.data(), values.data(), 8, cudaMemcpyDeviceToHost, compute_);
  expect_success(cudaStreamSynchronize(compute_));
  EXPECT_THAT(host.values(), testing::ElementsAre(11, 21));
}

TEST_F(LateStreams, AForgottenWaitIsWrongData) {
  DeviceArray<int> values(std::vector<int>{1, 2});
  Pinned from({10, 20}), host({0, 0});
  copy(values.data(), from.data(), 8, cudaMemcpyHostToDevice, copy_);
  add(values);
  copy(host.data(), values.data(), 8, cudaMemcpyDeviceToHost, compute_);
  expect_success(cudaStreamSynchronize(compute_));
  EXPECT_THAT(host.values(), testing::ElementsAre(2, 3));
}

TEST_F(LateStreams, PinnedMemoryIsReadWhenTheCopyIsDoneAndOtherMemoryBefore) {
  DeviceArray<int> a(1), b(1);
  Pinned pinned({1});
  int other = 1;
  copy(a.data(), pinned.data(), 4, cudaMemcpyHostToDevice, copy_);
  copy(b.data(), &other, 4, cudaMemcpyHostToDevice, copy_);
  pinned[0] = other = 2;
  expect_success(cudaStreamSynchronize(copy_));
  EXPECT_THAT(a.values(), testing::ElementsAre(2));
  EXPECT_THAT(b.values(), testing::ElementsAre(1));
}

TEST_F(LateStreams, MemoryThatIsFreedWasNeededBefore) {
  Pinned host({0});
  int* values = nullptr;
  expect_success(cudaMalloc(reinterpret_cast<void**>(&values), 4));
  expect_success(cudaMemsetAsync(values, 0, 4, compute_));
  expect_success(launch({1, 32, 0, compute_}, add_one, values, 1));
  copy(host.data(), values, 4, cudaMemcpyDeviceToHost, compute_);
  expect_success(cudaFree(values));
  EXPECT_EQ(host[0], 1);
}

TEST_F(LateStreams, BlockingStreamsAreDoneBeforeTheLegacyOne) {
  cudaStream_t blocking = nullptr;
  expect_success(cudaStreamCreate(&blocking));
  emulator::set_late(blocking, true);
  DeviceArray<int> values(std::vector<int>{1, 2});
  expect_success(launch({1, 32, 0, blocking}, add_one, values.data(), 2));
  EXPECT_THAT(values.values(), testing::ElementsAre(2, 3));  // by the legacy stream
  expect_success(cudaStreamDestroy(blocking));
}

TEST_F(LateStreams, WaitsForTheLastWorkAreCounted) {
  DeviceArray<int> values(std::vector<int>(1 << 15));
  Pinned pinned(std::vector<int>(1 << 15));
  std::vector<int> other(1 << 15);
  const auto waits = [](const auto& f) {
    const int64_t before = emulator::host_waits();
    f();
    return emulator::host_waits() - before;
  };
  const auto upload = [&](const int* from, size_t bytes) {
    copy(values.data(), from, bytes, cudaMemcpyHostToDevice, compute_);
  };
  const auto download = [&](int* to) {
    copy(to, values.data(), 4, cudaMemcpyDeviceToHost, compute_);
  };
  EXPECT_EQ(waits([&] { add(values); }), 0);
  EXPECT_EQ(waits([&] { cudaStreamSynchronize(compute_); }), 1);
  EXPECT_EQ(waits([&] { cudaDeviceSynchronize(); }), 1);
  EXPECT_EQ(waits([&] { upload(pinned.data(), 1 << 17); }), 0);
  EXPECT_EQ(waits([&] { download(pinned.data()); }), 0);
  EXPECT_EQ(waits([&] { upload(other.data(), 1 << 16); }), 0);
  EXPECT_EQ(waits([&] { upload(other.data(), 1 << 17); }), 1);
  EXPECT_EQ(waits([&] { download(other.data()); }), 1);
  expect_success(cudaEventRecord(first_, compute_));
  EXPECT_EQ(waits([&] { cudaEventQuery(first_); }), 0);
  EXPECT_EQ(waits([&] { cudaEventSynchronize(first_); }), 1);
  add(values);
  EXPECT_EQ(waits([&] { cudaEventSynchronize(first_); }), 0);
}

}  // namespace
}  // namespace emulated
