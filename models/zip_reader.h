#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/input_file.h"

struct z_stream_s;

namespace pixelgrad {

/// One file of a zip archive.
struct ZipEntry {
  std::string name;
  uint64_t bytes = 0;         ///< once it is unpacked
  uint64_t packed_bytes = 0;  ///< in the archive
  uint64_t data_begin = 0;    ///< where they lie
  uint32_t crc = 0;           ///< CRC-32 of the unpacked bytes
  bool deflated = false;
  bool verified = false;  ///< stored bytes were held against `crc`
};

/// A zip archive (APPNOTE 6.3.10, PKWARE) of stored and deflated entries, with zip64. Entries that
/// overlap, lie outside the file, have the same name twice, are encrypted or packed otherwise are
/// refused when it is opened. At most 20,000 entries and 3 MiB of directory.
class ZipReader {
 public:
  /// Throws CheckpointError. `file` must outlive the reader.
  explicit ZipReader(InputFile& file);

  const std::vector<ZipEntry>& entries() const { return entries_; }
  /// Null when there is none.
  ZipEntry* find(std::string_view name);

  /// A whole entry; throws CheckpointError when it has more than `limit` bytes or is damaged.
  std::string read(ZipEntry& entry, uint64_t limit);

  /// Holds a stored entry against its CRC, once. Where an archive has a CRC of 0 throughout, as
  /// PyTorch writes on request, there is nothing to hold it against.
  void verify_stored(ZipEntry& entry);
  bool has_checksums() const { return has_checksums_; }

 private:
  void read_directory(uint64_t begin, uint64_t bytes, uint64_t count);
  void read_local_headers(uint64_t directory_begin);

  InputFile& file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, size_t> by_name_;
  bool has_checksums_ = false;
};

/// Unpacks a deflated entry from its begin to its end.
class Inflater {
 public:
  Inflater(InputFile& file, const ZipEntry& entry, bool check_crc);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// The next `bytes` bytes. Throws CheckpointError where the packed data is damaged or ends early;
  /// after the last byte also where there is more, or where the CRC does not fit.
  void read(std::byte* to, size_t bytes);

 private:
  void finish();
  [[noreturn]] void fail_at_packed_data() const;

  InputFile& file_;
  const ZipEntry& entry_;
  bool check_crc_;
  std::unique_ptr<z_stream_s> stream_;
  std::vector<unsigned char> packed_;
  uint64_t taken_ = 0;  // of the packed bytes
  uint64_t given_ = 0;  // of the unpacked bytes
  uint32_t crc_ = 0;
  bool ended_ = false;  // the end mark was seen
};

}  // namespace pixelgrad
