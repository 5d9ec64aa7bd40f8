#include "models/safetensors_header_internal.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "models/crc32c.h"
#include "models/input_file.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

using nlohmann::json;

constexpr size_t max_tensors = 16384, max_metadata_entries = 4096, max_dimensions = 8;

constexpr std::string_view own_keys = "pixelgrad.";
constexpr const char* layout_key = "pixelgrad.layout";
constexpr const char* checksums_key = "pixelgrad.crc32c";  // of the entries, in their order
constexpr const char* header_checksum_key = "pixelgrad.header_crc32c";

constexpr std::pair<std::string_view, StoredType> type_names[] = {
    {"F32", StoredType::f32},     {"F64", StoredType::f64}, {"F16", StoredType::f16},
    {"BF16", StoredType::bf16},   {"U8", StoredType::u8},   {"I8", StoredType::i8},
    {"I16", StoredType::i16},     {"I32", StoredType::i32}, {"I64", StoredType::i64},
    {"BOOL", StoredType::boolean}};

/// "F32" and the like.
std::string_view safetensors_name(StoredType type) {
  for (const auto& [name, value] : type_names)
    if (value == type) return name;
  throw Error("[safetensors] unknown type of element");
}

std::string hex(uint32_t value) {
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", value);
  return digits;
}

/// Fills a header from the events of the JSON parser. The parser's own tree would keep the last of
/// two equal keys, turn large integers into doubles, and let -1 be read as 2^64 - 1.
class HeaderHandler : public json::json_sax_t {
 public:
  explicit HeaderHandler(const std::string& file) : file_(file) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t value) override {
    return unexpected(str("the integer ", value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return unexpected(str("the number ", text.substr(0, 40)));
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (where_ == Where::shape) {
      require(shape_->size() < max_dimensions, "more than ", max_dimensions, " dimensions");
      require(value <= std::numeric_limits<int64_t>::max(), "size ", value, " is out of range");
      shape_->push_back(static_cast<int64_t>(value));
      return true;
    }
    if (where_ == Where::offsets) {
      require(offsets_->size() < 2, "data_offsets has more than 2 values");
      offsets_->push_back(value);
      return true;
    }
    return unexpected(str("the integer ", value));
  }

  bool string(string_t& value) override {
    if (where_ == Where::metadata) {
      require(header_.metadata.size() < max_metadata_entries, "more than ", max_metadata_entries,
              " metadata entries");
      require(header_.metadata.emplace(key_, std::move(value)).second, "metadata key ",
              quote_name(key_), " appears twice");
      return true;
    }
    if (where_ == Where::entry && key_ == "dtype") {
      for (const auto& [name, type] : type_names)
        if (value == name) type_ = type;
      require(type_.has_value(), "dtype ", quote_name(value),
              ", expected F32, F64, F16, BF16, U8, I8, I16, I32, I64 or BOOL");
      return true;
    }
    return unexpected("a string");
  }

  bool start_object(std::size_t) override {
    if (where_ == Where::outside) {
      where_ = Where::header;
    } else if (where_ == Where::header) {
      where_ = in_metadata_ ? Where::metadata : Where::entry;
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& value) override {
    key_ = value;
    if (where_ == Where::entry) {
      require(key_ == "dtype" || key_ == "shape" || key_ == "data_offsets", "unknown field ",
              quote_name(key_));
      require(fields_.insert(key_).second, "field ", quote_name(key_), " appears twice");
    } else if (where_ == Where::header) {
      in_metadata_ = key_ == "__metadata__";
      require(names_.insert(key_).second, "name ", quote_name(key_), " appears twice");
      require(in_metadata_ || header_.entries.size() < max_tensors, "more than ", max_tensors,
              " tensors");
      name_ = in_metadata_ ? std::nullopt : std::optional(key_);
    }
    return true;
  }

  bool end_object() override {
    if (where_ == Where::header) {
      where_ = Where::outside;
      return true;
    }
    if (where_ == Where::entry) {
      require(type_ && shape_ && offsets_ && offsets_->size() == 2,
              "expected dtype, shape and data_offsets of 2 values");
      header_.entries.push_back({*name_, *type_, *shape_, (*offsets_)[0], (*offsets_)[1]});
      type_.reset();
      shape_.reset();
      offsets_.reset();
      fields_.clear();
    }
    where_ = Where::header;
    name_.reset();
    return true;
  }

  bool start_array(std::size_t) override {
    if (where_ == Where::entry && key_ == "shape") {
      where_ = Where::shape;
      shape_.emplace();
    } else if (where_ == Where::entry && key_ == "data_offsets") {
      where_ = Where::offsets;
      offsets_.emplace();
    } else {
      return unexpected("an array");
    }
    return true;
  }
  bool end_array() override {
    where_ = Where::entry;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    throw CheckpointError(
        str("[safetensors] ", file_, ": the header is no valid JSON at byte ", position));
  }

 private:
  enum class Where { outside, header, metadata, entry, shape, offsets };

  template <class... Parts>
  void require(bool ok, const Parts&... parts) const {
    if (ok) return;
    throw CheckpointError(str("[safetensors] ", file_, ": ",
                              name_ ? "tensor " + quote_name(*name_) : "header", ": ", parts...));
  }
  bool unexpected(const std::string& what) const {
    require(false, "got ", what, where_ == Where::outside ? "" : " for " + quote_name(key_),
            ", expected ",
            where_ == Where::outside    ? "an object"
            : where_ == Where::header   ? "an object"
            : where_ == Where::metadata ? "a string"
            : key_ == "dtype"           ? "a string"
                                        : "an array of integers from 0");
    return false;
  }

  const std::string& file_;
  SafetensorsHeader header_;
  Where where_ = Where::outside;
  bool in_metadata_ = false;
  std::string key_;
  std::optional<std::string> name_;  // of the entry at hand
  std::optional<StoredType> type_;
  std::optional<Shape> shape_;
  std::optional<std::vector<uint64_t>> offsets_;
  std::unordered_set<std::string> names_, fields_;
};

/// Sizes, and that the values tile the rest of the file: no gap, no overlap, no rest.
void check_places(const SafetensorsHeader& header, uint64_t data_bytes, const std::string& file) {
  const auto fail = [&](const SafetensorsEntry& e, const auto&... parts) {
    throw CheckpointError(
        str("[safetensors] ", file, ": tensor ", quote_name(e.name), ": ", parts...));
  };
  std::vector<const SafetensorsEntry*> by_place;
  for (const SafetensorsEntry& e : header.entries) {
    uint64_t bytes = size_of(e.type);
    for (const int64_t size : e.shape)
      if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes) ||
          bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        fail(e, "shape ", e.shape, " has too many elements");
    if (e.begin > e.end || e.end > data_bytes)
      fail(e, "data_offsets [", e.begin, ",", e.end, "] of ", data_bytes, " bytes of data");
    if (e.end - e.begin != bytes)
      fail(e, "data of ", e.end - e.begin, " bytes, expected ", bytes, " for ", e.shape, " of ",
           safetensors_name(e.type));
    by_place.push_back(&e);
  }
  std::sort(by_place.begin(), by_place.end(), [](const auto* a, const auto* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
  });
  uint64_t end = 0;
  for (const SafetensorsEntry* e : by_place) {
    if (e->begin != end)
      fail(*e, e->begin < end ? "overlaps the one before: " : "leaves a gap: ", "begins at ",
           e->begin, ", expected ", end);
    end = e->end;
  }
  check<CheckpointError>(end == data_bytes, "[safetensors] ", file, ": ", data_bytes,
                         " bytes of data, expected ", end, " from the header");
}

uint32_t checksum_of_text(std::string_view text) { return crc32c(std::as_bytes(std::span(text))); }

/// The checksum of a header covers its text with its own digits at 0.
void check_header_checksum(std::string_view text, const std::string& digits,
                           const std::string& file) {
  const std::string field = str('"', header_checksum_key, "\":\"");
  const size_t at = text.find(field);
  check<CheckpointError>(
      at != std::string_view::npos && digits.size() == 8 && at + field.size() + 8 <= text.size(),
      "[safetensors] ", file, ": the checksum of the header is not where it was written");
  std::string blank(text);
  blank.replace(at + field.size(), 8, "00000000");
  check<CheckpointError>(hex(checksum_of_text(blank)) == digits, "[safetensors] ", file,
                         ": the header has checksum ", hex(checksum_of_text(blank)), ", expected ",
                         quote_name(digits), ": it was damaged");
}

/// Takes this library's keys out of the metadata. A file that has one of them has all: a damaged
/// key must not pass for a file of another program.
void take_own_keys(SafetensorsHeader& header, std::string_view text, const std::string& file) {
  auto& metadata = header.metadata;
  const auto layout = metadata.extract(layout_key), checksums = metadata.extract(checksums_key),
             own = metadata.extract(header_checksum_key);
  if (!layout && !checksums && !own) return;
  check<CheckpointError>(layout && checksums && own, "[safetensors] ", file,
                         ": some of the checksums are missing: the header was damaged");
  check_header_checksum(text, own.mapped(), file);
  check<CheckpointError>(layout.mapped() == "NHWC" || layout.mapped() == "NCHW", "[safetensors] ",
                         file, ": layout ", quote_name(layout.mapped()), ", expected NHWC or NCHW");
  header.layout = layout.mapped();
  const std::string& digits = checksums.mapped();
  check<CheckpointError>(digits.size() == 8 * header.entries.size(), "[safetensors] ", file, ": ",
                         digits.size(), " digits of checksums, expected 8 for each of ",
                         header.entries.size(), " tensors");
  for (size_t i = 0; i < header.entries.size(); ++i) {
    SafetensorsEntry& e = header.entries[i];
    const char *first = digits.data() + 8 * i, *last = first + 8;
    const auto [end, error] = std::from_chars(first, last, e.checksum, 16);
    check<CheckpointError>(error == std::errc() && end == last, "[safetensors] ", file, ": tensor ",
                           quote_name(e.name), ": its checksum is no hexadecimal number");
    e.has_checksum = true;
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_bytes,
                                           const std::string& file) {
  check<CheckpointError>(text.starts_with('{'), "[safetensors] ", file,
                         ": the header does not begin with '{'");
  HeaderHandler handler(file);
  json::sax_parse(text, &handler);
  SafetensorsHeader header = handler.take();
  check_places(header, data_bytes, file);
  take_own_keys(header, text, file);
  return header;
}

std::string format_safetensors_header(const SafetensorsHeader& header) {
  std::string checksums;
  for (const SafetensorsEntry& e : header.entries) checksums += hex(e.checksum);
  std::string text = str("{\"__metadata__\":{\"", header_checksum_key, "\":\"");
  const size_t own_checksum = text.size();
  text += str("00000000\",\"", layout_key, "\":\"", header.layout, "\",\"", checksums_key, "\":\"",
              checksums, '"');
  try {
    for (const auto& [key, value] : header.metadata) {
      check<CheckpointError>(!key.starts_with(own_keys), "[safetensors] metadata key ",
                             quote_name(key), ": keys that begin with ", own_keys,
                             " are the library's own");
      text += str(',', json(key).dump(), ':', json(value).dump());
    }
    text += '}';
    for (const SafetensorsEntry& e : header.entries)
      text += str(',', json(e.name).dump(), ":{\"dtype\":\"", safetensors_name(e.type),
                  "\",\"shape\":", e.shape, ",\"data_offsets\":[", e.begin, ',', e.end, "]}");
  } catch (const json::type_error&) {
    throw CheckpointError("[safetensors] a name or a metadata text is not valid UTF-8");
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  text.replace(own_checksum, 8, hex(checksum_of_text(text)));
  return text;
}

}  // namespace pixelgrad
