#include "models/stored_type.h"

#include <bit>
#include <cstring>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

/// IEEE 754 binary16: 1 bit sign, 5 bits exponent with bias 15, 10 bits fraction.
float from_half(uint16_t h) {
  const uint32_t sign = uint32_t{h & 0x8000u} << 16;
  const uint32_t exponent = (h >> 10) & 31, fraction = h & 1023;
  if (exponent == 31)  // infinity and NaN
    return std::bit_cast<float>(sign | 0x7F800000u | (fraction << 13));
  if (exponent > 0)
    return std::bit_cast<float>(sign | ((exponent + 127 - 15) << 23) | (fraction << 13));
  const float subnormal = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -subnormal : subnormal;
}

/// The upper half of an f32.
float from_bfloat(uint16_t b) { return std::bit_cast<float>(uint32_t{b} << 16); }

template <class From, class To, class Convert>
void convert(const std::byte* from, size_t count, std::byte* to, const Convert& value_of) {
  for (size_t i = 0; i < count; ++i) {
    From stored;
    std::memcpy(&stored, from + i * sizeof stored, sizeof stored);
    const To value = value_of(stored);
    std::memcpy(to + i * sizeof value, &value, sizeof value);
  }
}

}  // namespace

size_t size_of(StoredType type) {
  switch (type) {
    case StoredType::f64:
    case StoredType::i64:
      return 8;
    case StoredType::f32:
    case StoredType::i32:
      return 4;
    case StoredType::f16:
    case StoredType::bf16:
    case StoredType::i16:
      return 2;
    case StoredType::i8:
    case StoredType::u8:
    case StoredType::boolean:
      return 1;
  }
  throw Error("[weights] unknown type of element");
}

std::string_view name_of(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return "f64";
    case StoredType::f32:
      return "f32";
    case StoredType::f16:
      return "f16";
    case StoredType::bf16:
      return "bf16";
    case StoredType::i64:
      return "i64";
    case StoredType::i32:
      return "i32";
    case StoredType::i16:
      return "i16";
    case StoredType::i8:
      return "i8";
    case StoredType::u8:
      return "u8";
    case StoredType::boolean:
      return "bool";
  }
  throw Error("[weights] unknown type of element");
}

Dtype dtype_in_memory(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return Dtype::f64;
    case StoredType::f32:
    case StoredType::f16:
    case StoredType::bf16:
      return Dtype::f32;
    case StoredType::i64:
      return Dtype::i64;
    case StoredType::i32:
    case StoredType::i16:
    case StoredType::i8:
      return Dtype::i32;
    case StoredType::u8:
    case StoredType::boolean:
      return Dtype::u8;
  }
  throw Error("[weights] unknown type of element");
}

StoredType stored_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return StoredType::f32;
    case Dtype::f64:
      return StoredType::f64;
    case Dtype::u8:
      return StoredType::u8;
    case Dtype::i32:
      return StoredType::i32;
    case Dtype::i64:
      return StoredType::i64;
    case Dtype::bf16:
      break;  // stores activations, which are in no file
  }
  throw Error(str("[weights] cannot write a tensor of ", dtype, ", expected f32 or another type ",
                  "of parameters"));
}

void convert_stored(StoredType type, const std::byte* from, size_t count, std::byte* to) {
  const auto same = [](auto v) { return v; };
  switch (type) {
    case StoredType::f16:
      return convert<uint16_t, float>(from, count, to, from_half);
    case StoredType::bf16:
      return convert<uint16_t, float>(from, count, to, from_bfloat);
    case StoredType::i16:
      return convert<int16_t, int32_t>(from, count, to, same);
    case StoredType::i8:
      return convert<int8_t, int32_t>(from, count, to, same);
    case StoredType::boolean:
      return convert<uint8_t, uint8_t>(from, count, to,
                                       [](uint8_t v) { return static_cast<uint8_t>(v != 0); });
    default:
      if (count > 0) std::memcpy(to, from, count * size_of(type));
  }
}

}  // namespace pixelgrad
