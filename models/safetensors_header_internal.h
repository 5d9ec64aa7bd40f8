#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/stored_type.h"
#include "tensor/shape.h"

namespace pixelgrad {

/// Where the values of one tensor lie. Offsets count from the end of the header.
struct SafetensorsEntry {
  std::string name;
  StoredType type = StoredType::f32;
  Shape shape;
  uint64_t begin = 0, end = 0;
  bool has_checksum = false;
  uint32_t checksum = 0;  ///< CRC-32C of the values
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;        ///< in the order of the text
  std::map<std::string, std::string> metadata;  ///< without this library's keys
  std::string layout;                           ///< empty where the file does not say
};

inline constexpr uint64_t max_safetensors_header_bytes = uint64_t{4} << 20;

/// Parses and validates the text of a header, which is followed by `data_bytes` bytes of values.
/// `file` is named in errors. Throws CheckpointError for anything that is not exactly as the format
/// wants it, including checksums of the header that do not fit.
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                           const std::string& file);

/// The text of a header, padded to 8 bytes, with the checksums of the entries and of itself.
std::string format_safetensors_header(const SafetensorsHeader& header);

}  // namespace pixelgrad
