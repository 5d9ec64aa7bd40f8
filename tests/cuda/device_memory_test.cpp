// Device memory: what goes there comes back, freed blocks are used again, and a full device is an
// error that says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tensor/allocator.h"
#include "tests/cuda/device.h"

namespace pixelgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DeviceMemory : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
  }
};

TEST_F(DeviceMemory, ValuesOfEveryTypeComeBack) {
  EXPECT_THAT(Tensor::from<float>({3}, {1, -2, 0.5}).to(Device::cuda).to_doubles(),
              ElementsAre(1, -2, 0.5));
  EXPECT_THAT(Tensor::from<double>({2}, {1e-300, 3}).to(Device::cuda).to_doubles(),
              ElementsAre(1e-300, 3));
  EXPECT_THAT(Tensor::from<uint8_t>({2}, {0, 255}).to(Device::cuda).to_doubles(),
              ElementsAre(0, 255));
  EXPECT_THAT(Tensor::from<int32_t>({2}, {-7, 7}).to(Device::cuda).to_doubles(),
              ElementsAre(-7, 7));
  EXPECT_THAT(Tensor::from<int64_t>({1}, {1 << 20}).to(Device::cuda).to_doubles(),
              ElementsAre(1 << 20));
}

TEST_F(DeviceMemory, FillsCopiesAndConverts) {
  const Tensor x = Tensor::full({1000}, 2.5, Dtype::f64, Device::cuda);
  EXPECT_THAT(x.clone().to_doubles(), ::testing::Each(2.5));
  EXPECT_THAT(x.to(Dtype::i32).to_doubles(), ::testing::Each(2));
  Tensor host = Tensor::zeros({1000}, Dtype::f64);
  host.copy_from(x);
  EXPECT_THAT(host.to_doubles(), ::testing::Each(2.5));
  EXPECT_EQ(Tensor::zeros({0, 3}, Dtype::f32, Device::cuda).to(Device::cpu).numel(), 0);
}

TEST_F(DeviceMemory, SteadyStateAsksNothingFromTheDevice) {
  const auto step = [] {
    std::vector<Tensor> live;
    for (const int64_t n : {10, 300'000, 5'000'000, 70, 4'000'000})
      live.push_back(Tensor::empty({n}, Dtype::f32, Device::cuda));
    live.erase(live.begin() + 1);
    live.push_back(Tensor::empty({200'000}, Dtype::f32, Device::cuda));
  };
  step();
  const MemoryStats before = memory_stats(Device::cuda);
  for (int i = 0; i < 5; ++i) step();
  const MemoryStats after = memory_stats(Device::cuda);
  EXPECT_EQ(after.system_calls, before.system_calls);
  EXPECT_EQ(after.in_use, before.in_use);
  EXPECT_GT(before.system_calls, 0);
}

TEST_F(DeviceMemory, LiveBlocksDoNotOverlap) {
  std::vector<Tensor> live;
  for (int i = 0; i < 60; ++i)
    live.push_back(Tensor::full({1 + i * 977}, i, Dtype::i32, Device::cuda));
  for (int i = 0; i < 60; i += 2) live[static_cast<size_t>(i)] = {};
  for (int i = 0; i < 60; i += 2)
    live[static_cast<size_t>(i)] = Tensor::full({1 + i * 500}, -i, Dtype::i32, Device::cuda);
  for (int i = 0; i < 60; ++i)
    EXPECT_THAT(live[static_cast<size_t>(i)].to_doubles(), ::testing::Each(i % 2 ? i : -i));
}

TEST_F(DeviceMemory, EmptyingTheCacheGivesItBack) {
  { const Tensor x = Tensor::empty({50'000'000}, Dtype::u8, Device::cuda); }
  EXPECT_GT(memory_stats(Device::cuda).cached, 0);
  empty_cache(Device::cuda);
  EXPECT_LT(memory_stats(Device::cuda).cached, 50'000'000);
}

#ifdef PIXELGRAD_CUDA_EMULATED
TEST_F(DeviceMemory, AFullDeviceIsAnErrorAndCachedBlocksAreUsedFirst) {
  empty_cache(Device::cuda);
  const auto room = static_cast<size_t>(memory_stats(Device::cuda).in_use) + (size_t{96} << 20);
  emulator::set_memory_limit(room);
  const int64_t mebibyte = int64_t{1} << 20;
  { const Tensor cached = Tensor::empty({40 * mebibyte}, Dtype::u8, Device::cuda); }
  {  // fits only where the cached block is given back first
    const Tensor large = Tensor::empty({80 * mebibyte}, Dtype::u8, Device::cuda);
    try {
      Tensor::empty({64 * mebibyte}, Dtype::u8, Device::cuda);
      ADD_FAILURE() << "there was room";
    } catch (const OutOfMemoryError& e) {
      EXPECT_THAT(e.what(), HasSubstr("no memory for 67108864 bytes on cuda"));
    }
    EXPECT_EQ(large.numel(), 80 * mebibyte);
  }
  EXPECT_EQ(Tensor::empty({64 * mebibyte}, Dtype::u8, Device::cuda).numel(), 64 * mebibyte);
  emulator::set_memory_limit(SIZE_MAX);
}
#endif

}  // namespace
}  // namespace pixelgrad
