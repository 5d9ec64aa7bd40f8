#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pixelgrad {

/// Element types. f32 and f64 carry gradients; u8 holds images, i32 labels, i64 counters.
enum class Dtype : uint8_t { f32, f64, u8, i32, i64 };

/// Bytes of one element.
constexpr size_t size_of(Dtype t) {
  switch (t) {
    case Dtype::u8:
      return 1;
    case Dtype::f32:
    case Dtype::i32:
      return 4;
    case Dtype::f64:
    case Dtype::i64:
      return 8;
  }
  return 0;
}

constexpr std::string_view name_of(Dtype t) {
  switch (t) {
    case Dtype::f32:
      return "f32";
    case Dtype::f64:
      return "f64";
    case Dtype::u8:
      return "u8";
    case Dtype::i32:
      return "i32";
    case Dtype::i64:
      return "i64";
  }
  return "?";
}

constexpr bool is_floating(Dtype t) { return t == Dtype::f32 || t == Dtype::f64; }

namespace detail {
template <class T>
struct DtypeOf;
template <>
struct DtypeOf<float> {
  static constexpr Dtype value = Dtype::f32;
};
template <>
struct DtypeOf<double> {
  static constexpr Dtype value = Dtype::f64;
};
template <>
struct DtypeOf<uint8_t> {
  static constexpr Dtype value = Dtype::u8;
};
template <>
struct DtypeOf<int32_t> {
  static constexpr Dtype value = Dtype::i32;
};
template <>
struct DtypeOf<int64_t> {
  static constexpr Dtype value = Dtype::i64;
};
template <class T>
struct Acc {
  using type = double;
};
}  // namespace detail

/// The Dtype of a C++ element type.
template <class T>
inline constexpr Dtype dtype_of = detail::DtypeOf<T>::value;

/// The type in which long sums of T are kept: f64 for both floating types, so that a mean over
/// millions of pixels does not lose digits.
template <class T>
using acc_t = typename detail::Acc<T>::type;

}  // namespace pixelgrad
