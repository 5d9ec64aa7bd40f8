#include "data/readers/label_cache.h"

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "data/file_io.h"
#include "data/image_io.h"
#include "tensor/check.h"
#include "tensor/random.h"

namespace pixelgrad::readers {
namespace {

namespace fs = std::filesystem;

/// What a file begins with; the ids follow. In the byte order of the machine, for a cache does not
/// travel: a stranger's file has another magic.
struct Header {
  uint64_t magic = 0x3173'6469'6c62'6770;  // "pgblids1"
  uint64_t key = 0;
  int64_t height = 0, width = 0;
  uint64_t hash = 0;  // of the ids
};

uint64_t hash_of(const std::vector<uint8_t>& ids) {
  return stream_of(std::string_view(reinterpret_cast<const char*>(ids.data()), ids.size()));
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  check<DataError>(!error, "[dataset] label cache ", folder.string(), ": ", error.message());
}

}  // namespace

LabelCache::LabelCache(fs::path folder) : folder_(std::move(folder)) {
  if (!folder_.empty()) make_folder(folder_);
}

fs::path LabelCache::file_of(const std::string& name) const { return folder_ / (name + ".ids"); }

std::optional<LabelMap> LabelCache::find(const std::string& name, uint64_t key) const {
  const fs::path file = file_of(name);
  if (!fs::exists(file)) return std::nullopt;
  const std::vector<uint8_t> bytes = read_file(file, max_image_pixels + int64_t{sizeof(Header)});
  Header header;
  if (bytes.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const auto pixels = static_cast<int64_t>(bytes.size() - sizeof(header));
  const auto side = [](int64_t length) { return length > 0 && length <= max_image_side; };
  if (header.magic != Header{}.magic || header.key != key || !side(header.height) ||
      !side(header.width) || header.height * header.width != pixels)
    return std::nullopt;
  LabelMap labels(header.height, header.width);
  std::memcpy(labels.ids.data(), bytes.data() + sizeof(header), labels.ids.size());
  if (hash_of(labels.ids) != header.hash) return std::nullopt;
  return labels;
}

void LabelCache::store(const std::string& name, uint64_t key, const LabelMap& labels) const {
  const Header header{
      .key = key, .height = labels.height, .width = labels.width, .hash = hash_of(labels.ids)};
  std::vector<uint8_t> bytes(sizeof(header) + labels.ids.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), labels.ids.data(), labels.ids.size());
  make_folder(file_of(name).parent_path());
  write_file(file_of(name), bytes);
}

}  // namespace pixelgrad::readers
