#include "models/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <unordered_set>

#include "models/crc32c.h"
#include "models/input_file.h"
#include "models/safetensors_header_internal.h"
#include "tensor/atomic_file.h"

namespace pixelgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored little-endian");

constexpr uint64_t length_bytes = 8;

std::span<const std::byte> bytes_of(const Tensor& t) { return {t.raw(), t.bytes()}; }

class SafetensorsFile : public WeightFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path)
      : WeightFile(path, "safetensors"), file_(path, "safetensors") {
    const uint64_t size = file_.size();
    if (size < length_bytes) fail("has ", size, " bytes, expected at least ", length_bytes);

    uint64_t length = 0;
    file_.read_at(0, &length, length_bytes);
    if (length > max_safetensors_header_bytes)
      fail("header of ", length, " bytes, expected at most ", max_safetensors_header_bytes);
    if (length > size - length_bytes)
      fail("header of ", length, " bytes in a file of ", size,
           " bytes: the file was cut off, or is no safetensors file");
    std::string text(length, '\0');
    file_.read_at(length_bytes, text.data(), length);
    data_begin_ = length_bytes + length;
    header_ = parse_safetensors_header(text, size - data_begin_, path.string());

    metadata_ = std::move(header_.metadata);
    layout_ = header_.layout == "NHWC" ? WeightLayout::pixelgrad : WeightLayout::pytorch;
    entries_.reserve(header_.entries.size());
    for (SafetensorsEntry& e : header_.entries)
      entries_.push_back({std::move(e.name), e.type, std::move(e.shape), entries_.size()});
  }

  /// What the file says: "NHWC", "NCHW" or nothing.
  const std::string& layout_tag() const { return header_.layout; }

  Tensor read(size_t index) override {
    const WeightEntry& e = entries_.at(index);
    const SafetensorsEntry& place = header_.entries[e.place];
    Tensor t = Tensor::empty(e.shape, dtype_in_memory(e.type));
    const uint64_t bytes = place.end - place.begin;
    uint32_t checksum = 0;
    if (bytes == t.bytes() && e.type != StoredType::boolean) {
      if (bytes > 0) file_.read_at(data_begin_ + place.begin, t.mutable_raw(), bytes);
      checksum = crc32c(bytes_of(t));
    } else {
      std::vector<std::byte> piece(std::min<uint64_t>(bytes, piece_bytes));
      std::byte* to = t.mutable_raw();
      for (uint64_t done = 0; done < bytes; done += piece.size()) {
        piece.resize(std::min<uint64_t>(bytes - done, piece_bytes));
        file_.read_at(data_begin_ + place.begin + done, piece.data(), piece.size());
        checksum = crc32c(piece, checksum);
        const size_t count = piece.size() / size_of(e.type);
        convert_stored(e.type, piece.data(), count, to);
        to += count * size_of(t.dtype());
      }
    }
    if (place.has_checksum && checksum != place.checksum)
      fail("tensor ", quote_name(e.name),
           ": the values do not fit their checksum: they were damaged");
    return t;
  }

 private:
  static constexpr uint64_t piece_bytes = 1 << 20;

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    file_.fail(parts...);
  }

  InputFile file_;
  SafetensorsHeader header_;  // of its entries, the places and checksums
  uint64_t data_begin_ = 0;
};

}  // namespace

std::unique_ptr<WeightFile> open_safetensors(const std::filesystem::path& path) {
  return std::make_unique<SafetensorsFile>(path);
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  SafetensorsFile file(path);
  TensorFile contents{{}, file.metadata(), file.layout_tag()};
  contents.tensors.reserve(file.entries().size());
  for (size_t i = 0; i < file.entries().size(); ++i)
    contents.tensors.push_back({file.entries()[i].name, file.read(i)});
  return contents;
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  return SafetensorsFile(path).metadata();
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& contents) {
  const auto fail = [&](const std::string& name, const auto&... parts) {
    throw CheckpointError(
        str("[safetensors] ", path.string(), ": tensor ", quote_name(name), ": ", parts...));
  };
  SafetensorsHeader header;
  header.metadata = contents.metadata;
  header.layout = contents.layout.empty() ? "NHWC" : contents.layout;
  std::vector<Tensor> values;
  std::unordered_set<std::string> names;
  for (const auto& [name, tensor] : contents.tensors) {
    if (!tensor.defined()) fail(name, "it is undefined");
    if (name == "__metadata__" || !names.insert(name).second) fail(name, "the name is taken");
    values.push_back(tensor.to(Device::cpu));
    header.entries.push_back({name, stored_type(tensor.dtype()), tensor.shape(), 0, 0, true,
                              crc32c(bytes_of(values.back()))});
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
