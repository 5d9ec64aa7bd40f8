#pragma once
// Floating-point numbers of 16 bits, and pairs of them: what cuda_bf16.h and cuda_fp16.h have in
// common. Conversions round to nearest, ties to even; arithmetic is rounded once.
#include <emulator/vector_types.h>
#include <emulator/warp.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace emulator {

/// A sign, an exponent and a mantissa of the given bits, 16 in all, as in IEEE 754.
template <int exponent_bits, int mantissa_bits>
class SmallFloat {
  static_assert(1 + exponent_bits + mantissa_bits == 16);

 public:
  SmallFloat() = default;
  template <class A>
  requires std::is_arithmetic_v<A> SmallFloat(A x) : bits_(encode(static_cast<double>(x))) {}
  operator float() const { return decode(bits_); }

  static SmallFloat from_bits(uint16_t bits) {
    SmallFloat x;
    x.bits_ = bits;
    return x;
  }
  uint16_t bits() const { return bits_; }

  // A float holds sums, differences, products and quotients well enough: its mantissa has more
  // than twice the bits, so rounding again gives the nearest.
  friend SmallFloat operator+(SmallFloat a, SmallFloat b) {
    return decode(a.bits_) + decode(b.bits_);
  }
  friend SmallFloat operator-(SmallFloat a, SmallFloat b) {
    return decode(a.bits_) - decode(b.bits_);
  }
  friend SmallFloat operator*(SmallFloat a, SmallFloat b) {
    return decode(a.bits_) * decode(b.bits_);
  }
  friend SmallFloat operator/(SmallFloat a, SmallFloat b) {
    return decode(a.bits_) / decode(b.bits_);
  }
  friend SmallFloat operator-(SmallFloat a) { return from_bits(a.bits_ ^ 0x8000u); }
  SmallFloat& operator+=(SmallFloat b) { return *this = *this + b; }
  SmallFloat& operator-=(SmallFloat b) { return *this = *this - b; }
  SmallFloat& operator*=(SmallFloat b) { return *this = *this * b; }
  SmallFloat& operator/=(SmallFloat b) { return *this = *this / b; }
  friend bool operator==(SmallFloat a, SmallFloat b) { return decode(a.bits_) == decode(b.bits_); }
  friend bool operator<(SmallFloat a, SmallFloat b) { return decode(a.bits_) < decode(b.bits_); }
  friend bool operator>(SmallFloat a, SmallFloat b) { return b < a; }
  friend bool operator<=(SmallFloat a, SmallFloat b) { return decode(a.bits_) <= decode(b.bits_); }
  friend bool operator>=(SmallFloat a, SmallFloat b) { return b <= a; }

  friend SmallFloat __hadd(SmallFloat a, SmallFloat b) { return a + b; }
  friend SmallFloat __hsub(SmallFloat a, SmallFloat b) { return a - b; }
  friend SmallFloat __hmul(SmallFloat a, SmallFloat b) { return a * b; }
  friend SmallFloat __hdiv(SmallFloat a, SmallFloat b) { return a / b; }
  friend SmallFloat __hneg(SmallFloat a) { return -a; }
  friend SmallFloat __habs(SmallFloat a) { return from_bits(a.bits_ & 0x7FFFu); }
  friend SmallFloat __hmax(SmallFloat a, SmallFloat b) {
    return std::fmax(decode(a.bits_), decode(b.bits_));
  }
  friend SmallFloat __hmin(SmallFloat a, SmallFloat b) {
    return std::fmin(decode(a.bits_), decode(b.bits_));
  }
  friend bool __heq(SmallFloat a, SmallFloat b) { return a == b; }
  friend bool __hne(SmallFloat a, SmallFloat b) { return a < b || b < a; }
  friend bool __hlt(SmallFloat a, SmallFloat b) { return a < b; }
  friend bool __hle(SmallFloat a, SmallFloat b) { return a <= b; }
  friend bool __hgt(SmallFloat a, SmallFloat b) { return a > b; }
  friend bool __hge(SmallFloat a, SmallFloat b) { return a >= b; }
  friend bool __hisnan(SmallFloat a) { return std::isnan(decode(a.bits_)); }
  /// a * b + c, rounded once.
  friend SmallFloat __hfma(SmallFloat a, SmallFloat b, SmallFloat c) {
    const double product = static_cast<double>(decode(a.bits_)) * decode(b.bits_);  // exact
    const double addend = decode(c.bits_);
    double sum = product + addend;
    // What the sum lacks. Rounding to odd keeps on which side of a tie the exact sum is.
    const double from_addend = sum - product;
    const double missing = (product - (sum - from_addend)) + (addend - from_addend);
    if (std::isfinite(sum) && missing != 0 && (std::bit_cast<uint64_t>(sum) & 1) == 0)
      sum = std::nextafter(sum, std::copysign(std::numeric_limits<double>::infinity(), missing));
    return from_bits(encode(sum));
  }

 private:
  static constexpr int bias = (1 << (exponent_bits - 1)) - 1;
  static constexpr uint16_t infinity = ((1u << exponent_bits) - 1u) << mantissa_bits;

  static uint16_t encode(double x) {
    const auto sign = static_cast<uint16_t>(std::signbit(x) ? 0x8000u : 0u);
    if (std::isnan(x)) return 0x7FFF;
    if (x == 0) return sign;
    if (std::isinf(x)) return sign | infinity;
    // In units of the last place, which is the same for all numbers below the smallest normal one.
    const int exponent = std::max(std::ilogb(x), 1 - bias);
    const double units = std::nearbyint(std::ldexp(std::fabs(x), mantissa_bits - exponent));
    if (exponent > bias) return sign | infinity;
    // A carry out of the mantissa moves on to the exponent.
    const uint32_t bits = (static_cast<uint32_t>(exponent + bias - 1) << mantissa_bits) +
                          static_cast<uint32_t>(units);
    return static_cast<uint16_t>(sign | std::min<uint32_t>(bits, infinity));
  }

  static float decode(uint16_t bits) {
    if constexpr (exponent_bits == 8)
      return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
    const int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
    const int mantissa = bits & ((1 << mantissa_bits) - 1);
    const uint32_t sign = (bits & 0x8000u) << 16;
    if (exponent == (1 << exponent_bits) - 1)
      return std::bit_cast<float>(sign | 0x7F800000u |
                                  static_cast<uint32_t>(mantissa) << (23 - mantissa_bits));
    const float size = exponent == 0
                           ? std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits)
                           : std::ldexp(static_cast<float>(mantissa + (1 << mantissa_bits)),
                                        exponent - bias - mantissa_bits);
    return sign != 0 ? -size : size;
  }

  uint16_t bits_;
};

/// Two numbers in one 32-bit register, x in the low half.
template <class F>
struct __attribute__((aligned(4))) SmallFloat2 {
  F x, y;

  friend SmallFloat2 operator+(SmallFloat2 a, SmallFloat2 b) { return {a.x + b.x, a.y + b.y}; }
  friend SmallFloat2 operator-(SmallFloat2 a, SmallFloat2 b) { return {a.x - b.x, a.y - b.y}; }
  friend SmallFloat2 operator*(SmallFloat2 a, SmallFloat2 b) { return {a.x * b.x, a.y * b.y}; }
  friend SmallFloat2 operator/(SmallFloat2 a, SmallFloat2 b) { return {a.x / b.x, a.y / b.y}; }
  friend SmallFloat2 operator-(SmallFloat2 a) { return {-a.x, -a.y}; }
  friend SmallFloat2 __hadd2(SmallFloat2 a, SmallFloat2 b) { return a + b; }
  friend SmallFloat2 __hsub2(SmallFloat2 a, SmallFloat2 b) { return a - b; }
  friend SmallFloat2 __hmul2(SmallFloat2 a, SmallFloat2 b) { return a * b; }
  friend SmallFloat2 __h2div(SmallFloat2 a, SmallFloat2 b) { return a / b; }
  friend SmallFloat2 __hneg2(SmallFloat2 a) { return -a; }
  friend SmallFloat2 __habs2(SmallFloat2 a) { return {__habs(a.x), __habs(a.y)}; }
  friend SmallFloat2 __hmax2(SmallFloat2 a, SmallFloat2 b) {
    return {__hmax(a.x, b.x), __hmax(a.y, b.y)};
  }
  friend SmallFloat2 __hmin2(SmallFloat2 a, SmallFloat2 b) {
    return {__hmin(a.x, b.x), __hmin(a.y, b.y)};
  }
  friend SmallFloat2 __hfma2(SmallFloat2 a, SmallFloat2 b, SmallFloat2 c) {
    return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};
  }
  friend float __low2float(SmallFloat2 a) { return a.x; }
  friend float __high2float(SmallFloat2 a) { return a.y; }
};

namespace detail {

template <int exponent_bits, int mantissa_bits>
inline constexpr bool is_shuffled<SmallFloat<exponent_bits, mantissa_bits>> = true;
template <class F>
inline constexpr bool is_shuffled<SmallFloat2<F>> = true;

}  // namespace detail
}  // namespace emulator
