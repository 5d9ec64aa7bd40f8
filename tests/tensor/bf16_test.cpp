// bfloat16 as a type to store values in.
#include "tensor/bf16.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tensor/dispatch.h"
#include "tensor/tensor.h"

namespace pixelgrad {
namespace {

bf16 of_bits(int bits) { return std::bit_cast<bf16>(static_cast<uint16_t>(bits)); }
float of_word(uint32_t bits) { return std::bit_cast<float>(bits); }

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr int bits_of_infinity = 0x7F80, sign = 0x8000;

/// All values below a NaN's, of both signs.
template <class F>
void for_each_number(const F& f) {
  for (const int of_sign : {0, sign})
    for (int bits = 0; bits <= bits_of_infinity; ++bits) f(of_sign | bits);
}

TEST(Bf16, IsTheUpperHalfOfAFloat) {
  EXPECT_EQ(sizeof(bf16), 2u);
  EXPECT_EQ(float(of_bits(0x3F80)), 1.0f);
  EXPECT_EQ(float(of_bits(0xC049)), -3.140625f);
  EXPECT_EQ(float(of_bits(0x0001)), 0x1p-133f);    // the smallest
  EXPECT_EQ(float(of_bits(0x7F7F)), 0x1.FEp127f);  // the largest
  EXPECT_EQ(float(of_bits(bits_of_infinity)), infinity);
  EXPECT_TRUE(std::signbit(float(of_bits(sign))));
}

TEST(Bf16, EveryNumberIsRoundedToItself) {
  for_each_number([](int bits) { ASSERT_EQ(bf16(float(of_bits(bits))).bits, bits); });
}

// Between neighbours lies one number that is equally far from both; it goes to the even one, and
// the floats beside it to the nearer one. This holds below the normal numbers, and between the
// largest one and what would come after it, which is infinity.
TEST(Bf16, RoundsToTheNearestAndThenToEven) {
  for (const uint32_t of_sign : {0u, 0x80000000u})
    for (uint32_t bits = 0; bits < bits_of_infinity; ++bits) {
      const uint32_t middle = of_sign | bits << 16 | 0x8000u;
      const uint32_t low = of_sign >> 16 | bits, high = low + 1;
      ASSERT_EQ(bf16(of_word(middle)).bits, low % 2 == 0 ? low : high) << std::hex << middle;
      ASSERT_EQ(bf16(of_word(middle - 1)).bits, low) << std::hex << middle;
      ASSERT_EQ(bf16(of_word(middle + 1)).bits, high) << std::hex << middle;
      ASSERT_EQ(bf16(of_word((of_sign | bits << 16) + 1)).bits, low) << std::hex << middle;
      ASSERT_EQ(bf16(of_word(middle + 0x7FFF)).bits, high) << std::hex << middle;
    }
}

TEST(Bf16, NoFloatIsOffByMoreThanHalfAStep) {
  for (const float x : {1.0f / 3, -2.0f / 3, 1e-20f, 3e38f, 12345.678f, -0.1f})
    EXPECT_LE(std::abs(float(bf16(x)) - x), 0x1p-9f * std::abs(x)) << x;
  EXPECT_EQ(bf16(std::numeric_limits<float>::max()).bits, bits_of_infinity);
  EXPECT_EQ(bf16(-infinity).bits, sign | bits_of_infinity);
}

TEST(Bf16, ANanStaysOneWithItsSign) {
  // Whose payload lies in the half that is cut off, too, and the one that rounding would overflow.
  for (const uint32_t bits : {0x7F800001u, 0x7F80FFFFu, 0x7FC00000u, 0x7FFFFFFFu})
    for (const uint32_t of_sign : {0u, 0x80000000u}) {
      const bf16 y(of_word(of_sign | bits));
      EXPECT_TRUE(std::isnan(float(y))) << std::hex << bits;
      EXPECT_EQ(y.bits >> 15, of_sign >> 31);
      EXPECT_NE(y.bits & 0x40, 0) << "quiet";
    }
}

/// Floats at, below and above every middle, and a few NaNs: an odd number, so that vectors end
/// inside.
std::vector<float> probes() {
  std::vector<float> x;
  for_each_number([&](int bits) {
    const uint32_t word = static_cast<uint32_t>(bits) << 16;
    x.push_back(of_word(word));
    if ((bits & 0x7FFF) == bits_of_infinity) return;
    for (const uint32_t low : {0x7FFFu, 0x8000u, 0x8001u}) x.push_back(of_word(word | low));
  });
  for (const uint32_t bits : {0x7F800001u, 0xFF80FFFFu, 0x7FFFFFFFu}) x.push_back(of_word(bits));
  return x;
}

TEST(Bf16Tensor, ConvertsAsOneValueDoes) {
  const std::vector<float> x = probes();
  const Tensor single = Tensor::from<float>({static_cast<int64_t>(x.size())}, x);
  const Tensor half = single.to(Dtype::bf16), again = half.to(Dtype::f32);
  EXPECT_EQ(half.bytes(), 2 * x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(half.span<bf16>()[i].bits, bf16(x[i]).bits) << i;
    ASSERT_EQ(std::bit_cast<uint32_t>(again.span<float>()[i]),
              static_cast<uint32_t>(half.span<bf16>()[i].bits) << 16)
        << i;
  }
}

TEST(Bf16Tensor, ConvertsFromAndToOtherTypes) {
  const Tensor x = Tensor::from<double>({4}, {1, -2.5, 257, 1e300}).to(Dtype::bf16);
  EXPECT_EQ(x.to_doubles(), (std::vector<double>{1, -2.5, 256, INFINITY}));
  EXPECT_EQ(x.to(Dtype::f64).to_doubles(), x.to_doubles());
  EXPECT_EQ(Tensor::from<int32_t>({2}, {-7, 1000}).to(Dtype::bf16).to_doubles(),
            (std::vector<double>{-7, 1000}));
  EXPECT_EQ(Tensor::from<float>({2}, {-7, 200}).to(Dtype::bf16).to(Dtype::i32).to_doubles(),
            (std::vector<double>{-7, 200}));
  EXPECT_EQ(Tensor::full({3}, 0.5, Dtype::bf16).to_doubles(), (std::vector<double>{.5, .5, .5}));
  EXPECT_EQ(x.clone().to_doubles(), x.to_doubles());
}

TEST(Bf16Tensor, IsATypeOfActivationsOnly) {
  EXPECT_EQ(size_of(Dtype::bf16), 2u);
  EXPECT_EQ(name_of(Dtype::bf16), "bf16");
  EXPECT_TRUE(is_activation(Dtype::bf16) && is_activation(Dtype::f32) && is_activation(Dtype::f64));
  EXPECT_FALSE(is_activation(Dtype::u8) || is_activation(Dtype::i32) || is_activation(Dtype::i64));
  EXPECT_FALSE(is_floating(Dtype::bf16));
  EXPECT_EQ(compute_dtype(Dtype::bf16), Dtype::f32);
  EXPECT_EQ(compute_dtype(Dtype::f64), Dtype::f64);
  const Tensor x = Tensor::zeros({2}, Dtype::bf16);
  EXPECT_TRUE(dispatch_activation(x, []<Device, class T>() { return std::is_same_v<T, bf16>; }));
  try {
    dispatch(x, []<Device, class T>() { return true; });
    FAIL() << "took bf16";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "[dispatch] expected a tensor of f32 or f64, got bf16");
  }
}

}  // namespace
}  // namespace pixelgrad
