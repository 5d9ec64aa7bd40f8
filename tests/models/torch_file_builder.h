#pragma once
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

// Writes files of torch.save byte by byte, right ones and wrong ones.
namespace pixelgrad::testing {

/// The bytes of a number, little-endian.
template <class T>
std::string le(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// Pieces of a pickle; each leaves one value on the stack.
namespace pickled {
inline std::string text(const std::string& s) {
  return 'X' + le(static_cast<uint32_t>(s.size())) + s;
}
inline std::string integer(int64_t v) { return std::string("\x8a\x08", 2) + le(v); }
inline std::string name(const std::string& module, const std::string& n) {
  return 'c' + module + '\n' + n + '\n';
}
inline std::string tuple(const std::vector<std::string>& items) {
  std::string all = "(";
  for (const std::string& i : items) all += i;
  return all + 't';
}
inline std::string integers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (const int64_t v : values) items.push_back(integer(v));
  return tuple(items);
}
inline std::string list(const std::vector<std::string>& items) {
  std::string all = "](";
  for (const std::string& i : items) all += i;
  return all + 'e';
}
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string all = "}(";
  for (const auto& [key, value] : items) all += text(key) + value;
  return all + 'u';
}
inline std::string empty_ordered_dict() { return name("collections", "OrderedDict") + ")R"; }
inline std::string storage(const std::string& key, int64_t elements,
                           const std::string& type = "FloatStorage") {
  return tuple({text("storage"), name("torch", type), text(key), text("cpu"), integer(elements)}) +
         'Q';
}
/// The arguments of _rebuild_tensor_v2.
inline std::vector<std::string> arguments(const std::string& storage, int64_t offset,
                                          const std::vector<int64_t>& shape,
                                          const std::vector<int64_t>& strides) {
  return {storage,           integer(offset), integers(shape),
          integers(strides), "\x89",          empty_ordered_dict()};
}
inline std::string rebuild(const std::vector<std::string>& args) {
  return name("torch._utils", "_rebuild_tensor_v2") + tuple(args) + 'R';
}
inline std::string tensor(const std::string& storage, int64_t offset,
                          const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  return rebuild(arguments(storage, offset, shape, strides));
}
/// A whole pickle of a value.
inline std::string program(const std::string& value) { return "\x80\x02" + value + '.'; }
}  // namespace pickled

/// One entry of an archive; what is set differs from what a sound writer would write.
struct ZipPart {
  std::string name, data;
  bool deflate = false;
  int64_t claimed_bytes = -1, claimed_packed = -1, claimed_offset = -1;
  int claimed_method = -1;
  int64_t claimed_crc = -1;
  uint16_t flags = 0;
  std::string local_name = {};
};

inline std::string deflated(const std::string& data) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, data.size()), '\0');
  z.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));
  z.avail_in = static_cast<uInt>(data.size());
  z.next_out = reinterpret_cast<unsigned char*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// The record at the end of an archive.
inline std::string zip_end(uint16_t entries, uint32_t directory_bytes, uint32_t directory_begin) {
  return "PK\5\6" + le<uint32_t>(0) + le(entries) + le(entries) + le(directory_bytes) +
         le(directory_begin) + le<uint16_t>(0);
}

/// A zip archive; its directory begins at `*directory_begin`.
inline std::string zip(const std::vector<ZipPart>& parts, size_t* directory_begin = nullptr) {
  std::string file, directory;
  for (const ZipPart& p : parts) {
    const std::string packed = p.deflate ? deflated(p.data) : p.data;
    const auto method = static_cast<uint16_t>(p.claimed_method >= 0 ? p.claimed_method
                                              : p.deflate           ? 8
                                                                    : 0);
    const auto* bytes = reinterpret_cast<const unsigned char*>(p.data.data());
    const auto crc = static_cast<uint32_t>(p.claimed_crc >= 0
                                               ? static_cast<uint64_t>(p.claimed_crc)
                                               : crc32(0, bytes, static_cast<uInt>(p.data.size())));
    const auto packed_bytes = static_cast<uint32_t>(
        p.claimed_packed >= 0 ? static_cast<size_t>(p.claimed_packed) : packed.size());
    const auto data_bytes = static_cast<uint32_t>(
        p.claimed_bytes >= 0 ? static_cast<size_t>(p.claimed_bytes) : p.data.size());
    const auto offset = static_cast<uint32_t>(
        p.claimed_offset >= 0 ? static_cast<size_t>(p.claimed_offset) : file.size());
    const std::string fields =
        le(p.flags) + le(method) + le<uint32_t>(0) + le(crc) + le(packed_bytes) + le(data_bytes);
    const std::string& local_name = p.local_name.empty() ? p.name : p.local_name;
    file += "PK\3\4" + le<uint16_t>(20) + fields + le(static_cast<uint16_t>(local_name.size())) +
            le<uint16_t>(0) + local_name + packed;
    directory += "PK\1\2" + le<uint16_t>(20) + le<uint16_t>(20) + fields +
                 le(static_cast<uint16_t>(p.name.size())) + le<uint16_t>(0) + le<uint16_t>(0) +
                 le<uint16_t>(0) + le<uint16_t>(0) + le<uint32_t>(0) + le(offset) + p.name;
  }
  const auto begin = static_cast<uint32_t>(file.size());
  if (directory_begin) *directory_begin = begin;
  return file + directory +
         zip_end(static_cast<uint16_t>(parts.size()), static_cast<uint32_t>(directory.size()),
                 begin);
}

/// The entries of a .pth file: the pickle, and storages "0", "1", ...
inline std::vector<ZipPart> torch_parts(const std::string& pickle,
                                        const std::vector<std::string>& storages) {
  std::vector<ZipPart> parts = {{"a/data.pkl", pickle}};
  for (size_t i = 0; i < storages.size(); ++i)
    parts.push_back({"a/data/" + std::to_string(i), storages[i]});
  parts.push_back({"a/version", "3\n"});
  return parts;
}

/// The form before PyTorch 1.6. Storages are given with their numbers of elements.
inline std::string legacy_file(const std::string& pickle,
                               const std::vector<std::pair<int64_t, std::string>>& storages,
                               int64_t protocol = 1001, bool little_endian = true) {
  std::string file =
      std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
  file += pickled::program(pickled::integer(protocol));
  file += pickled::program(pickled::dict({{"protocol_version", pickled::integer(protocol)},
                                          {"little_endian", little_endian ? "\x88" : "\x89"}}));
  std::vector<std::string> keys;
  for (size_t i = 0; i < storages.size(); ++i) keys.push_back(pickled::text(std::to_string(i)));
  file += pickle + pickled::program(pickled::list(keys));
  for (const auto& [elements, bytes] : storages) file += le(elements) + bytes;
  return file;
}

}  // namespace pixelgrad::testing
