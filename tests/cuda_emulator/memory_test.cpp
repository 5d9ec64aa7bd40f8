// Device memory, copies, and what the device says of itself.
#include <cstdlib>
#include <numeric>
#include <string_view>
#include <thread>

#include "tests/cuda_emulator/kernels/execution.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

TEST(Memory, IsNewWithAllBitsSet) {
  DeviceArray<unsigned> values(5000);
  EXPECT_THAT(values.values(), testing::Each(0xFFFFFFFFu));
}

TEST(Memory, CopiesOfAllKinds) {
  std::vector<int> source(3000), target(3000, 0), host(3000, 0);
  std::iota(source.begin(), source.end(), 1);
  const size_t bytes = 3000 * sizeof(int);
  DeviceArray<int> a(3000), b(3000);
  expect_success(cudaMemcpy(a.data(), source.data(), bytes, cudaMemcpyHostToDevice));
  expect_success(cudaMemcpyAsync(b.data(), a.data(), bytes, cudaMemcpyDeviceToDevice));
  expect_success(cudaMemcpy(target.data(), b.data(), bytes, cudaMemcpyDeviceToHost));
  EXPECT_EQ(target, source);
  expect_success(cudaMemcpy(host.data(), source.data(), bytes, cudaMemcpyHostToHost));
  EXPECT_EQ(host, source);
  // Which side is which is found out.
  expect_success(cudaMemcpy(b.data() + 1, source.data(), 8, cudaMemcpyDefault));
  expect_success(cudaMemcpy(target.data(), b.data(), 16, cudaMemcpyDefault));
  EXPECT_EQ(target[0], 1);
  EXPECT_EQ(target[1], 1);
  EXPECT_EQ(target[2], 2);
  EXPECT_EQ(target[3], 4);
  // 3 rows of 2, out of rows of 10, into rows of 4.
  std::vector<int> pitched(12, 0);
  expect_success(cudaMemcpy2DAsync(pitched.data(), 16, a.data(), 40, 8, 3, cudaMemcpyDeviceToHost));
  EXPECT_THAT(pitched, testing::ElementsAre(1, 2, 0, 0, 11, 12, 0, 0, 21, 22, 0, 0));
}

TEST(Memory, IsFilledByteByByte) {
  DeviceArray<unsigned> values(4);
  expect_success(cudaMemset(values.data(), 0, 16));
  expect_success(cudaMemsetAsync(values.data() + 1, 0xAB, 6));
  EXPECT_THAT(values.values(), testing::ElementsAre(0, 0xABABABABu, 0xABABu, 0));
}

TEST(Memory, WrongPointersAreErrors) {
  std::vector<int> host(10), other(10);
  DeviceArray<int> device(10);
  const auto copy = [](void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    return cudaMemcpy(to, from, bytes, kind);
  };
  EXPECT_EQ(copy(host.data(), other.data(), 40, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(copy(host.data(), device.data(), 40, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(copy(device.data(), host.data(), 40, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(copy(device.data(), host.data(), 40, cudaMemcpyDeviceToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(copy(device.data(), device.data(), 40, cudaMemcpyHostToHost), cudaErrorInvalidValue);
  EXPECT_EQ(copy(nullptr, device.data(), 40, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(copy(host.data(), device.data(), 40, static_cast<cudaMemcpyKind>(7)),
            cudaErrorInvalidMemcpyDirection);
  // Beyond the allocation.
  EXPECT_EQ(copy(host.data(), device.data() + 1, 40, cudaMemcpyDeviceToHost),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(device.data(), 0, 41), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(host.data(), 0, 40), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(device.data() + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(host.data()), cudaErrorInvalidValue);
  expect_success(cudaFree(nullptr));
  int* twice = nullptr;
  expect_success(cudaMalloc(&twice, 4));
  expect_success(cudaFree(twice));
  EXPECT_EQ(cudaFree(twice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(Memory, HasALimit) {
  size_t free_before = 0, total_before = 0, free_bytes = 0, total = 0;
  expect_success(cudaMemGetInfo(&free_before, &total_before));
  emulator::set_memory_limit(1 << 20);
  char *first = nullptr, *second = nullptr;
  expect_success(cudaMalloc(&first, 700000));
  EXPECT_EQ(cudaMalloc(&second, 400000), cudaErrorMemoryAllocation);
  EXPECT_EQ(second, nullptr);
  expect_success(cudaMemGetInfo(&free_bytes, &total));
  EXPECT_EQ(total, size_t{1} << 20);
  EXPECT_EQ(free_bytes, (size_t{1} << 20) - 700000);
  expect_success(cudaFree(first));
  expect_success(cudaMallocAsync(&second, 400000, nullptr));
  expect_success(cudaFreeAsync(second, nullptr));
  EXPECT_EQ(cudaMalloc(&first, ~size_t{0}), cudaErrorMemoryAllocation);
  emulator::set_memory_limit(total_before);
  expect_success(cudaMemGetInfo(&free_bytes, &total));
  EXPECT_EQ(free_bytes, free_before);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
}

TEST(Memory, PlacesOfWhatWasFreedAreUsedAgain) {
  void* blocks[3];
  for (void*& block : blocks) expect_success(cudaMalloc(&block, 100000));
  expect_success(cudaFree(blocks[1]));
  void *smaller = nullptr, *larger = nullptr;
  expect_success(cudaMalloc(&smaller, 1000));
  expect_success(cudaMalloc(&larger, 200000));
  EXPECT_EQ(smaller, blocks[1]);
  EXPECT_GT(larger, blocks[2]);
  for (void* block : {blocks[0], blocks[2], smaller, larger}) expect_success(cudaFree(block));
}

TEST(Memory, OfTheHostIsPlain) {
  int* host = nullptr;
  expect_success(cudaMallocHost(&host, 40));
  host[9] = 5;
  DeviceArray<int> device(10);
  expect_success(cudaMemcpyAsync(device.data(), host, 40, cudaMemcpyHostToDevice));
  EXPECT_EQ(device.values()[9], 5);
  cudaPointerAttributes attributes{};
  expect_success(cudaPointerGetAttributes(&attributes, host + 9));
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  expect_success(cudaPointerGetAttributes(&attributes, device.data() + 9));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  expect_success(cudaPointerGetAttributes(&attributes, &attributes));
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFreeHost(host + 1), cudaErrorInvalidValue);
  expect_success(cudaFreeHost(host));
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

TEST(MemoryDeathTest, HostCodeCannotTouchIt) {
  DeviceArray<int> device(10);
  volatile int* const values = device.data();
  EXPECT_DEATH(values[3] = 1, "host code touched device memory");
  EXPECT_DEATH([[maybe_unused]] const int value = values[3], "host code touched device memory");
  // Also behind a kernel and behind a copy, which open it.
  expect_success(launch({1, 1}, add_one, device.data(), 1));
  EXPECT_DEATH(values[3] = 1, "host code touched device memory");
  device.values();
  EXPECT_DEATH(values[3] = 1, "host code touched device memory");
}

TEST(Memory, HostThreadsShareTheDevice) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int round = 0; round < 20; ++round) {
        DeviceArray<int> values(std::vector<int>(300, round));
        expect_success(launch({3, 100}, add_one, values.data(), 300));
        ASSERT_THAT(values.values(), testing::Each(round + 1));
      }
      // Each thread has errors of its own.
      EXPECT_EQ(cudaGetLastError(), cudaSuccess);
      cudaSetDevice(1);
      EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
    });
}

TEST(Device, SaysWhatItIs) {
  int count = 0, device = -1, value = 0;
  expect_success(cudaGetDeviceCount(&count));
  EXPECT_EQ(count, 1);
  expect_success(cudaSetDevice(0));
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  expect_success(cudaGetDevice(&device));
  EXPECT_EQ(device, 0);
  cudaDeviceProp properties;
  expect_success(cudaGetDeviceProperties(&properties, 0));
  EXPECT_EQ(std::string_view(properties.name), "emulated device");
  EXPECT_EQ(properties.major * 10 + properties.minor, 90);
  EXPECT_EQ(properties.multiProcessorCount, 132);
  const std::pair<cudaDeviceAttr, int> attributes[] = {
      {cudaDevAttrComputeCapabilityMajor, 9},
      {cudaDevAttrWarpSize, 32},
      {cudaDevAttrMaxThreadsPerBlock, 1024},
      {cudaDevAttrMaxGridDimY, 65535},
      {cudaDevAttrMaxSharedMemoryPerBlock, 49152},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin, 232448},
      {cudaDevAttrMultiProcessorCount, 132}};
  for (const auto& [attribute, expected] : attributes) {
    expect_success(cudaDeviceGetAttribute(&value, attribute, 0));
    EXPECT_EQ(value, expected);
  }
  EXPECT_EQ(cudaDeviceGetAttribute(&value, static_cast<cudaDeviceAttr>(127), 0),
            cudaErrorInvalidValue);
  // 2048 threads, 32 blocks and 228 KiB a multiprocessor, 1 KiB of them reserved for each block.
  int blocks = 0;
  expect_success(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add_one, 256, 0));
  EXPECT_EQ(blocks, 8);
  expect_success(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add_one, 32, 0));
  EXPECT_EQ(blocks, 32);
  expect_success(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add_one, 128, 100 << 10));
  EXPECT_EQ(blocks, 2);
  EXPECT_STREQ(cudaGetErrorName(cudaErrorInvalidValue), "cudaErrorInvalidValue");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

TEST(Device, MayBeMissing) {
  setenv("PIXELGRAD_EMULATOR_DEVICES", "0", 1);
  int count = 5;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
  void* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, 4), cudaErrorNoDevice);
  EXPECT_EQ(launch({1, 1}, add_one, nullptr, 0), cudaErrorNoDevice);
  unsetenv("PIXELGRAD_EMULATOR_DEVICES");
  expect_success(cudaGetDeviceCount(&count));
  EXPECT_EQ(count, 1);
  EXPECT_EQ(cudaGetLastError(), cudaErrorNoDevice);
}

}  // namespace
}  // namespace emulated
