#include "models/input_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pixelgrad {

InputFile::InputFile(const std::filesystem::path& path, std::string format)
    : name_(path.string()), prefix_(str('[', format, "] ", name_, ": ")) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) fail(error ? "no such file" : "not a file");
  size_ = std::filesystem::file_size(path, error);
  if (error) fail(error.message());
  stream_.open(path, std::ios::binary);
  if (!stream_) fail("cannot be opened to read");
}

void InputFile::read_at(uint64_t offset, void* to, uint64_t bytes) {
  if (offset > size_ || bytes > size_ - offset)
    fail("expected ", bytes, " bytes at ", offset, ", the file has ", size_,
         ": it was cut off, or is damaged");
  stream_.seekg(static_cast<std::streamoff>(offset));
  stream_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
  if (!stream_.good()) fail("cannot read ", bytes, " bytes at ", offset);
}

std::string quote_name(std::string_view name) {
  constexpr size_t longest = 100;
  const std::string text(name.substr(0, longest));
  // A name may be cut inside a character, and need not be UTF-8 when it comes from a caller.
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) +
         (name.size() > longest ? "..." : "");
}

std::string plain_name(std::string_view name) {
  const bool plain =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
  return plain && name.size() <= 200 ? std::string(name) : quote_name(name);
}

}  // namespace pixelgrad
