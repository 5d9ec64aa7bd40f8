#include "models/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <numeric>
#include <unordered_set>

#include "models/crc32c.h"
#include "models/safetensors_header_internal.h"
#include "tensor/atomic_file.h"

namespace pixelgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored little-endian");

constexpr uint64_t length_bytes = 8;

/// A weight file whose header was read and found right.
struct OpenFile {
  std::string path;
  std::ifstream stream;
  SafetensorsHeader header;
  uint64_t data_begin = 0;

  /// Reads exactly `bytes` bytes from `offset`.
  void read(uint64_t offset, void* to, uint64_t bytes) {
    stream.seekg(static_cast<std::streamoff>(offset));
    stream.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
    check<CheckpointError>(stream.good(), "[safetensors] ", path, ": cannot read ", bytes,
                           " bytes at ", offset);
  }
};

OpenFile open_file(const std::filesystem::path& path) {
  OpenFile file;
  file.path = path.string();
  const auto fail = [&](const auto&... parts) {
    throw CheckpointError(str("[safetensors] ", file.path, ": ", parts...));
  };
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) fail(error ? "no such file" : "not a file");
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) fail(error.message());
  file.stream.open(path, std::ios::binary);
  if (!file.stream) fail("cannot be opened to read");
  if (size < length_bytes) fail("has ", size, " bytes, expected at least ", length_bytes);

  uint64_t length = 0;
  file.read(0, &length, length_bytes);
  if (length > max_safetensors_header_bytes)
    fail("header of ", length, " bytes, expected at most ", max_safetensors_header_bytes);
  if (length > size - length_bytes)
    fail("header of ", length, " bytes in a file of ", size, " bytes: the file was cut off, or is ",
         "no safetensors file");
  std::string text(length, '\0');
  file.read(length_bytes, text.data(), length);
  file.data_begin = length_bytes + length;
  file.header = parse_safetensors_header(text, size - file.data_begin, file.path);
  return file;
}

std::span<const std::byte> bytes_of(const Tensor& t) { return {t.raw(), t.bytes()}; }

}  // namespace

TensorFile read_safetensors(const std::filesystem::path& path) {
  OpenFile file = open_file(path);
  TensorFile contents{{}, std::move(file.header.metadata), std::move(file.header.layout)};
  contents.tensors.reserve(file.header.entries.size());
  for (SafetensorsEntry& e : file.header.entries) {
    Tensor t = Tensor::empty(std::move(e.shape), e.dtype);
    if (t.bytes() > 0) file.read(file.data_begin + e.begin, t.mutable_raw(), t.bytes());
    if (e.has_checksum && crc32c(bytes_of(t)) != e.checksum)
      throw CheckpointError(str("[safetensors] ", file.path, ": tensor ", quote_name(e.name),
                                ": the values do not fit their checksum: they were damaged"));
    contents.tensors.push_back({std::move(e.name), std::move(t)});
  }
  return contents;
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  return open_file(path).header.metadata;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& contents) {
  const auto fail = [&](const std::string& name, const auto&... parts) {
    throw CheckpointError(
        str("[safetensors] ", path.string(), ": tensor ", quote_name(name), ": ", parts...));
  };
  SafetensorsHeader header;
  header.metadata = contents.metadata;
  std::vector<Tensor> values;
  std::unordered_set<std::string> names;
  for (const auto& [name, tensor] : contents.tensors) {
    if (!tensor.defined()) fail(name, "it is undefined");
    if (name == "__metadata__" || !names.insert(name).second) fail(name, "the name is taken");
    values.push_back(tensor.to(Device::cpu));
    header.entries.push_back(
        {name, tensor.dtype(), tensor.shape(), 0, 0, true, crc32c(bytes_of(values.back()))});
  }
  // Wide elements first, so that every value is aligned for readers that map the file to memory.
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return size_of(values[a].dtype()) > size_of(values[b].dtype());
  });
  uint64_t data_bytes = 0;
  for (const size_t i : order) {
    header.entries[i].begin = data_bytes;
    data_bytes += values[i].bytes();
    header.entries[i].end = data_bytes;
  }
  const std::string text = format_safetensors_header(header);
  check<CheckpointError>(text.size() <= max_safetensors_header_bytes, "[safetensors] ",
                         path.string(), ": header of ", text.size(), " bytes, expected at most ",
                         max_safetensors_header_bytes);
  parse_safetensors_header(text, data_bytes, path.string());  // what we write, we can read

  write_file_atomically(path, [&](AtomicFile& file) {
    const uint64_t length = text.size();
    file.write(&length, length_bytes);
    file.write(text);
    for (const size_t i : order) file.write(values[i].raw(), values[i].bytes());
  });
}

}  // namespace pixelgrad
