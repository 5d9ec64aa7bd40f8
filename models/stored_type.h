#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tensor/dtype.h"

namespace pixelgrad {

/// Element types that a weight file may hold. Those without a Dtype of their own are converted as
/// they are read.
enum class StoredType : uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// Bytes of one element in the file.
size_t size_of(StoredType type);

/// "bf16" and the like.
std::string_view name_of(StoredType type);

/// The type that holds every value exactly in memory: f32 for f16 and bf16, i32 for i16 and i8, u8
/// for booleans.
Dtype dtype_in_memory(StoredType type);

/// How a tensor is written.
StoredType stored_type(Dtype dtype);

/// Converts `count` values at `from` (of any alignment) to dtype_in_memory(type) at `to`. The two
/// must not overlap.
void convert_stored(StoredType type, const std::byte* from, size_t count, std::byte* to);

}  // namespace pixelgrad
