// Atomic operations, and the functions that nvcc gives every kernel.
#include <algorithm>
#include <climits>
#include <limits>
#include <numeric>

#include "tests/cuda_emulator/kernels/arithmetic.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

template <class T>
concept AddsAtomically = requires(T* address, T value) {
  atomicAdd(address, value);
};
static_assert(AddsAtomically<int> && AddsAtomically<unsigned> &&
              AddsAtomically<unsigned long long>);
static_assert(!AddsAtomically<float> && !AddsAtomically<double>);

TEST(Atomics, OverABigGrid) {
  const int n = 10007;
  std::vector<int> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 5);
  DeviceArray<int> values(numbers), extremes(std::vector<int>{INT_MAX, INT_MIN});
  DeviceArray<unsigned> counts(std::vector<unsigned>(10, 0));
  DeviceArray<unsigned long long> sum(std::vector<unsigned long long>{0});
  expect_success(launch({40, 256}, count_remainders, values.data(), n, counts.data(),
                        extremes.data(), sum.data()));
  // 5 .. 10011: a thousand of each remainder, and 10005 .. 10011 besides.
  EXPECT_THAT(counts.values(),
              testing::ElementsAre(1001, 1001, 1000, 1000, 1000, 1001, 1001, 1001, 1001, 1001));
  EXPECT_THAT(extremes.values(), testing::ElementsAre(5, 10011));
  EXPECT_EQ(sum.values()[0] >> 32, static_cast<unsigned long long>(n) * (5 + 10011) / 2);
}

TEST(Atomics, ReturnTheOldValue) {
  DeviceArray<int> values(std::vector<int>{INT_MAX, 0});
  DeviceArray<unsigned> bits(std::vector<unsigned>{0xF0, 0, 0, 0, 0, 0});
  expect_success(launch({1, 1}, atomics, values.data(), bits.data()));
  EXPECT_THAT(values.values(), testing::ElementsAre(INT_MIN, INT_MAX));
  EXPECT_THAT(bits.values(), testing::ElementsAre(78, 0xF0, 0xFF, 0xF3, 77, 78));
}

TEST(Arithmetic, OfIntegers) {
  DeviceArray<long long> out(20);
  expect_success(launch({1, 1}, integer_functions, out.data()));
  EXPECT_THAT(out.values(), testing::ElementsAre(13, 5, 0, 31, 32, 0xA0000000ll, -1, 0xFFFFFFFEll,
                                                 3, -5, 5, 1ll << 40, static_cast<int>(0xBFC00000u),
                                                 2, -2, -3, 3, INT_MAX, 64, 63));
}

TEST(Arithmetic, OfFloats) {
  DeviceArray<float> out(11);
  expect_success(
      launch({1, 1}, float_functions, std::numeric_limits<float>::quiet_NaN(), out.data()));
  EXPECT_THAT(out.values(),
              testing::ElementsAre(1.0f, -2.0f, 3.14159274f, 2.0f, 0x1.000001p-22f, 0x1p-22f, 1.0f,
                                   0.0f, 0.0f, 3.14159274f, 1.0f / 3.0f));
}

TEST(VectorTypes, HaveCudasSizesAndAlignments) {
  static_assert(sizeof(float2) == 8 && alignof(float2) == 8);
  static_assert(sizeof(float3) == 12 && alignof(float3) == 4);
  static_assert(sizeof(float4) == 16 && alignof(float4) == 16);
  static_assert(sizeof(double2) == 16 && alignof(double2) == 16);
  static_assert(sizeof(int2) == 8 && alignof(int2) == 8);
  static_assert(sizeof(int4) == 16 && alignof(int4) == 16);
  static_assert(sizeof(uint2) == 8 && alignof(uint2) == 8);
  static_assert(sizeof(uint4) == 16 && alignof(uint4) == 16);
  static_assert(sizeof(uchar4) == 4 && alignof(uchar4) == 4);
  static_assert(sizeof(ushort4) == 8 && alignof(ushort4) == 8);
  static_assert(sizeof(dim3) == 12);
  const float4 v = make_float4(1, 2, 3, 4);
  EXPECT_EQ(v.x + 10 * v.y + 100 * v.z + 1000 * v.w, 4321);
  const dim3 extent(7);
  EXPECT_EQ(extent.x + extent.y + extent.z, 9u);
}

}  // namespace
}  // namespace emulated
