#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "tensor/bf16.h"

namespace pixelgrad {

/// Element types. f32 and f64 hold what is computed with; bf16 stores activations and their
/// gradients in half of the bytes; u8 holds images, i32 labels, i64 counters.
enum class Dtype : uint8_t { f32, f64, u8, i32, i64, bf16 };

/// Bytes of one element.
constexpr size_t size_of(Dtype t) {
  switch (t) {
    case Dtype::u8:
      return 1;
    case Dtype::bf16:
      return 2;
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
    case Dtype::bf16:
      return "bf16";
  }
  return "?";
}

/// Whether parameters, statistics, losses and sums can be of this type; every op takes these.
constexpr bool is_floating(Dtype t) { return t == Dtype::f32 || t == Dtype::f64; }

/// Whether activations can be stored in this type; the ops that networks are made of take these.
constexpr bool is_activation(Dtype t) { return is_floating(t) || t == Dtype::bf16; }

/// What kernels compute in with activations of type t, and the type of the parameters beside them.
constexpr Dtype compute_dtype(Dtype t) { return t == Dtype::bf16 ? Dtype::f32 : t; }

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
template <>
struct DtypeOf<bf16> {
  static constexpr Dtype value = Dtype::bf16;
};
template <class T>
struct Acc {
  using type = double;
};
}  // namespace detail

/// The Dtype of a C++ element type.
template <class T>
inline constexpr Dtype dtype_of = detail::DtypeOf<T>::value;

/// compute_dtype as a C++ type: f32 for bf16, else T itself.
template <class T>
using compute_t = std::conditional_t<std::is_same_v<T, bf16>, float, T>;

/// The type in which long sums of T are kept: f64 for all floating types, so that a mean over
/// millions of pixels does not lose digits.
template <class T>
using acc_t = typename detail::Acc<T>::type;

}  // namespace pixelgrad
