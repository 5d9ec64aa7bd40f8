// What hangs a GPU, or is undefined there, is an error that says where.
#include "tests/cuda_emulator/kernels/execution.h"
#include "tests/cuda_emulator/kernels/wrong.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

template <class... Parameters, class... Arguments>
std::string error_of(Shape shape, void (*kernel)(Parameters...), Arguments&&... arguments) {
  return kernel_error([&] {
    emulator::name_next_launch("conv2d");
    expect_success(launch(shape, kernel, std::forward<Arguments>(arguments)...));
  });
}

TEST(WrongPrograms, ABarrierThatSomeNeverReach) {
  EXPECT_EQ(error_of({2, 64}, some_return, 60),
            "[conv2d] block (0,0,0) cannot go on: threads 0-59 at __syncthreads; "
            "threads 60-63 returned");
  EXPECT_EQ(
      error_of({2, 64}, some_return, 1),
      "[conv2d] block (0,0,0) cannot go on: thread 0 at __syncthreads; threads 1-63 returned");
  EXPECT_EQ(error_of({2, 64}, some_return, 64), "none");
}

TEST(WrongPrograms, BarriersOfDifferentKinds) {
  EXPECT_EQ(error_of({1, 64}, two_barriers),
            "[conv2d] block (0,0,0) cannot go on: threads 0-31 at __syncthreads; "
            "threads 32-63 at __syncthreads_or");
  EXPECT_EQ(error_of({1, 32}, two_barriers), "none");
}

TEST(WrongPrograms, ALaneThatDoesNotCome) {
  DeviceArray<int> out(32);
  EXPECT_EQ(error_of({1, 32}, lane_missing, out.data()),
            "[conv2d] block (0,0,0) cannot go on: threads 0-4, 6-31 at __shfl_xor_sync with mask "
            "0xFFFFFFFF; thread 5 returned");
}

TEST(WrongPrograms, AWarpThatIsNotFull) {
  DeviceArray<int> out(20);
  EXPECT_THAT(error_of({1, 4}, lane_missing, out.data()),
              testing::HasSubstr("threads 0-3 at __shfl_xor_sync with mask 0xFFFFFFFF"));
}

TEST(WrongPrograms, MasksThatDiffer) {
  EXPECT_EQ(error_of({1, 32}, masks_differ),
            "[conv2d] block (0,0,0) cannot go on: threads 0-15 at __syncwarp with mask 0xFFFFFFFF; "
            "threads 16-31 returned");
  EXPECT_EQ(error_of({1, 32}, not_in_its_mask),
            "[conv2d] block (0,0,0) thread (0,0,0) calls __syncwarp with mask 0xFFFFFFFE, which "
            "lacks its own lane 0");
}

TEST(WrongPrograms, AWidthThatIsNoPowerOfTwo) {
  EXPECT_EQ(error_of({1, 32}, shuffles_by, 12),
            "[conv2d] block (0,0,0) thread (0,0,0) __shfl_sync: width is 12, expected a power of "
            "two up to 32");
  EXPECT_EQ(error_of({1, 32}, shuffles_by, 16), "none");
}

TEST(WrongPrograms, ATrap) {
  EXPECT_EQ(error_of({4, 32}, traps), "[conv2d] block (2,0,0) thread (3,0,0) executed __trap()");
}

TEST(WrongPrograms, TheDeviceGoesOnBehindAnError) {
  EXPECT_NE(error_of({2, 1024}, some_return, 1000), "none");
  EXPECT_NE(error_of({4, 32}, traps), "none");
  DeviceArray<int> values(std::vector<int>(1024, 1));
  expect_success(launch({1, 1024, 4096}, prefix_sums, values.data()));
  EXPECT_EQ(values.values()[1023], 1024);
}

TEST(WrongPrograms, OutsideOfAKernel) {
  EXPECT_EQ(kernel_error([] { __syncthreads(); }), "__syncthreads outside of a kernel");
  EXPECT_EQ(kernel_error([] { __syncwarp(); }), "__syncwarp outside of a kernel");
  EXPECT_EQ(kernel_error([] { emulator::dynamic_shared(); }),
            "dynamic_shared() outside of a kernel");
}

TEST(WrongPrograms, ShapesBeyondTheLimits) {
  const auto error = [](dim3 grid, dim3 block) { return launch({grid, block}, some_return, 9999); };
  EXPECT_EQ(error(1, 1025), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error(1, dim3(32, 32, 2)), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error(1, dim3(1, 1, 65)), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error(1, 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error(0, 32), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error(dim3(1, 65536), 32), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error(dim3(1, 1, 65536), 32), cudaErrorInvalidConfiguration);
  EXPECT_EQ(error(dim3(0x80000000u), 32), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  expect_success(error(dim3(1, 65535), 1));
  expect_success(error(1, dim3(4, 4, 64)));
}

TEST(WrongPrograms, MoreSharedMemoryThanAllowed) {
  const auto with = [](size_t bytes) { return launch({1, 1, bytes}, write_dynamic, 0); };
  expect_success(with(48 << 10));
  EXPECT_EQ(with((48 << 10) + 1), cudaErrorInvalidValue);
  const auto allow = [](int bytes) {
    return cudaFuncSetAttribute(write_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
  };
  EXPECT_EQ(allow((227 << 10) + 1), cudaErrorInvalidValue);
  expect_success(allow(227 << 10));
  expect_success(with(227 << 10));
  EXPECT_EQ(with((227 << 10) + 1), cudaErrorInvalidValue);
  expect_success(allow(48 << 10));
  EXPECT_EQ(with(100 << 10), cudaErrorInvalidValue);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(WrongProgramsDeathTest, WritingBehindSharedMemory) {
  expect_success(launch({1, 1, 40}, write_dynamic, 9));
  EXPECT_DEATH(launch({1, 1, 40}, write_dynamic, 10), "heap-buffer-overflow");
  EXPECT_DEATH(launch({1, 1, 40}, write_dynamic, -1), "heap-buffer-overflow");
  EXPECT_DEATH(launch({1, 1}, write_dynamic, 0), "heap-buffer-overflow");
  expect_success(launch({1, 1}, write_static, 7));
  EXPECT_DEATH(launch({1, 1}, write_static, 8), "global-buffer-overflow|insufficient space");
}

TEST(WrongProgramsDeathTest, WritingBehindALocalArray) {
  DeviceArray<int> out(64);
  expect_success(launch({1, 64}, write_local, 3, out.data()));
  EXPECT_DEATH(launch({1, 64}, write_local, 4, out.data()),
               "stack-buffer-overflow|insufficient space");
}

TEST(WrongProgramsDeathTest, WritingBehindGlobalMemory) {
  DeviceArray<int> values(9);
  expect_success(launch({1, 1}, write_global, values.data(), 8));
  EXPECT_DEATH(launch({1, 1}, write_global, values.data(), 9), "use-after-poison");
  int* freed = nullptr;
  expect_success(cudaMalloc(&freed, 4));
  expect_success(cudaFree(freed));
  EXPECT_DEATH(launch({1, 1}, write_global, freed, 0), "use-after-poison");
}
#else
TEST(WrongProgramsDeathTest, WritingBehindSharedMemory) {
  GTEST_SKIP() << "is what AddressSanitizer finds";
}
#endif

}  // namespace
}  // namespace emulated
