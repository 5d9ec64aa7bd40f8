// bfloat16 and half: all bit patterns, rounding, arithmetic that is rounded once.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

/// The value of a bit pattern by the definition of IEEE 754.
double value_of(int bits, int exponent_bits, int mantissa_bits) {
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1), bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return mantissa != 0 ? std::nan("") : sign * HUGE_VAL;
  const double fraction = std::ldexp(mantissa, -mantissa_bits);
  return exponent == 0 ? sign * std::ldexp(fraction, 1 - bias)
                       : sign * std::ldexp(1 + fraction, exponent - bias);
}

template <class T>
constexpr int exponent_bits = 8;
template <>
constexpr int exponent_bits<__half> = 5;

template <class T>
class SmallFloats : public testing::Test {
 protected:
  static double value(int bits) { return value_of(bits, exponent_bits<T>, 15 - exponent_bits<T>); }
  static T from(int bits) { return T::from_bits(static_cast<uint16_t>(bits)); }
  static constexpr int infinity = ((1 << exponent_bits<T>)-1) << (15 - exponent_bits<T>);
};
using SmallTypes = testing::Types<__nv_bfloat16, __half>;
TYPED_TEST_SUITE(SmallFloats, SmallTypes);

TYPED_TEST(SmallFloats, AllPatternsAreTheirValues) {
  for (int bits = 0; bits < 65536; ++bits) {
    const double expected = this->value(bits);
    const float found = this->from(bits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(found)) << bits;
      ASSERT_EQ(TypeParam(found).bits(), 0x7FFF) << bits;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(found),
                std::bit_cast<uint32_t>(static_cast<float>(expected)))
          << bits;
      ASSERT_EQ(TypeParam(found).bits(), bits);
      ASSERT_EQ(TypeParam(expected).bits(), bits);
    }
  }
}

// Between a number and the next one: below, at and above the middle.
TYPED_TEST(SmallFloats, RoundToNearestEven) {
  for (const int sign : {0, 0x8000})
    for (int bits = 0; bits < this->infinity; ++bits) {
      const double low = this->value(bits);
      // The one behind the largest is as if there were no infinity.
      const double high =
          bits + 1 < this->infinity ? this->value(bits + 1) : 2 * low - this->value(bits - 1);
      const double middle = (low + high) / 2;
      const int even = bits % 2 == 0 ? bits : bits + 1;
      const auto rounded = [&](double x) { return TypeParam(sign != 0 ? -x : x).bits(); };
      ASSERT_EQ(rounded(middle), sign | even);
      ASSERT_EQ(rounded(std::nextafter(middle, 0.0)), sign | bits);
      ASSERT_EQ(rounded(std::nextafter(middle, HUGE_VAL)), sign | (bits + 1));
      // A float has these middles, too.
      const auto single = static_cast<float>(middle);
      ASSERT_EQ(TypeParam(sign != 0 ? -single : single).bits(), sign | even);
    }
}

TYPED_TEST(SmallFloats, ArithmeticIsRoundedOnce) {
  std::mt19937 random(7);
  const int exponents = (1 << exponent_bits<TypeParam>)-1,
            mantissa_bits = 15 - exponent_bits<TypeParam>;
  const auto number = [&] {
    // Exponents near each other, so that sums are not just their larger part.
    const int exponent = exponents / 2 - 6 + static_cast<int>(random() % 12);
    return static_cast<int>((random() & 0x8000u) | random() % (1u << mantissa_bits)) |
           exponent << mantissa_bits;
  };
  for (int i = 0; i < 200000; ++i) {
    const int ka = number(), kb = number(), kc = number();
    const TypeParam a = this->from(ka), b = this->from(kb), c = this->from(kc);
    // In double all but quotients are exact: 33 bits of mantissa are enough.
    const double x = this->value(ka), y = this->value(kb), z = this->value(kc);
    ASSERT_EQ((a + b).bits(), TypeParam(x + y).bits());
    ASSERT_EQ((a - b).bits(), TypeParam(x - y).bits());
    ASSERT_EQ((a * b).bits(), TypeParam(x * y).bits());
    ASSERT_EQ((a / b).bits(), TypeParam(x / y).bits());
    ASSERT_EQ(__hfma(a, b, c).bits(), TypeParam(x * y + z).bits());
    ASSERT_EQ(a < b, x < y);
    ASSERT_EQ(a == b, x == y);
    ASSERT_EQ(static_cast<float>(__hmax(a, b)), static_cast<float>(std::max(x, y)));
  }
}

// The product lies in the middle of two bfloat16; what is added says to which side, and is lost in
// a sum of doubles.
TEST(SmallFloat, AFusedProductAndSumKnowsItsSideOfATie) {
  const auto fused = [](float a, float b, float c) {
    return static_cast<float>(__hfma(__nv_bfloat16(a), __nv_bfloat16(b), __nv_bfloat16(c)));
  };
  // 7 * 37 / 256 = 259 / 256, between 129 / 128 and 130 / 128.
  EXPECT_EQ(fused(7, 37.0f / 256, 0), 130.0f / 128);
  EXPECT_EQ(fused(7, 37.0f / 256, 0x1p-60f), 130.0f / 128);
  EXPECT_EQ(fused(7, 37.0f / 256, -0x1p-60f), 129.0f / 128);
  // 9 * 29 / 256 = 261 / 256, between 130 / 128 and 131 / 128.
  EXPECT_EQ(fused(9, 29.0f / 256, 0), 130.0f / 128);
  EXPECT_EQ(fused(9, 29.0f / 256, 0x1p-60f), 131.0f / 128);
  EXPECT_EQ(fused(9, 29.0f / 256, -0x1p-60f), 130.0f / 128);
  EXPECT_EQ(fused(-9, 29.0f / 256, -0x1p-60f), -131.0f / 128);
}

TEST(SmallFloat, PairsAndConversions) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(1.5f, -2.25f);
  static_assert(sizeof(pair) == 4 && alignof(__nv_bfloat162) == 4);
  EXPECT_EQ(std::bit_cast<uint32_t>(pair), 0xC0103FC0u);  // x in the low half
  EXPECT_EQ(__low2float(pair), 1.5f);
  EXPECT_EQ(__high2float(pair), -2.25f);
  const float2 both = __bfloat1622float2(pair * __bfloat162bfloat162(__float2bfloat16(2.0f)));
  EXPECT_EQ(both.x, 3.0f);
  EXPECT_EQ(both.y, -4.5f);
  EXPECT_EQ(__bfloat16_as_ushort(__float2bfloat16_rn(1.0f)), 0x3F80);
  EXPECT_EQ(__bfloat162float(__ushort_as_bfloat16(0x4000)), 2.0f);
  EXPECT_EQ(__half_as_ushort(__float2half(65504.0f)), 0x7BFF);
  EXPECT_EQ(__half_as_ushort(__float2half(65520.0f)), 0x7C00);  // the tie with what is too large
  const __half2 halves = __halves2half2(__float2half(0.5f), __float2half(4.0f));
  EXPECT_EQ(__half22float2(__hfma2(halves, halves, halves)).x, 0.75f);
  EXPECT_EQ(__half22float2(__hfma2(halves, halves, halves)).y, 20.0f);
}

}  // namespace
}  // namespace emulated
