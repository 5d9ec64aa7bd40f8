#include "models/zip_reader.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace pixelgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "zip is little-endian");

constexpr uint64_t max_entries = 20000, max_directory_bytes = uint64_t{3} << 20;
constexpr uint32_t local_signature = 0x04034b50, entry_signature = 0x02014b50,
                   end_signature = 0x06054b50, end64_signature = 0x06064b50,
                   locator64_signature = 0x07064b50;
constexpr size_t local_bytes = 30, entry_bytes = 46, end_bytes = 22, end64_bytes = 56,
                 locator64_bytes = 20;
constexpr uint16_t encrypted = 1, sizes_follow = 8;  // flags
constexpr uint32_t in_zip64 = 0xFFFFFFFF;

/// The integer at `at` of a record that is known to be long enough.
template <class T>
T get(const char* record, size_t at) {
  T value;
  std::memcpy(&value, record + at, sizeof value);
  return value;
}

/// Where the directory lies.
struct Directory {
  uint64_t begin, bytes, entries;
  uint64_t limit;  ///< where it must end
};

Directory find_directory(InputFile& file) {
  file.require(file.size() >= end_bytes, "has ", file.size(),
               " bytes, too few for a zip archive: it was cut off");
  // The end record is the last thing, but for a comment of up to 65,535 bytes.
  const uint64_t tail_bytes = std::min<uint64_t>(file.size(), end_bytes + 65535);
  const uint64_t tail_begin = file.size() - tail_bytes;
  std::string tail(tail_bytes, '\0');
  file.read_at(tail_begin, tail.data(), tail_bytes);
  size_t at = tail_bytes - end_bytes + 1;
  bool found = false;
  while (at > 0 && !found) {
    --at;
    found = get<uint32_t>(tail.data(), at) == end_signature &&
            at + end_bytes + get<uint16_t>(tail.data(), at + 20) == tail_bytes;
  }
  file.require(found, "has no end record of a zip archive: it was cut off, or is damaged");
  const char* end = tail.data() + at;
  file.require(get<uint16_t>(end, 4) == 0 && get<uint16_t>(end, 6) == 0 &&
                   get<uint16_t>(end, 8) == get<uint16_t>(end, 10),
               "is one of several disks of a zip archive");
  Directory d{get<uint32_t>(end, 16), get<uint32_t>(end, 12), get<uint16_t>(end, 10),
              tail_begin + at};

  // A zip64 end record stands before, where a locator says so. PyTorch always writes one.
  const bool needs64 = d.begin == in_zip64 || d.bytes == in_zip64 || d.entries == 0xFFFF;
  char locator[locator64_bytes] = {}, end64[end64_bytes];
  if (d.limit >= locator64_bytes) file.read_at(d.limit - locator64_bytes, locator, locator64_bytes);
  if (get<uint32_t>(locator, 0) != locator64_signature) {
    file.require(!needs64, "has no zip64 locator");
    return d;
  }
  const uint64_t end64_begin = get<uint64_t>(locator, 8), end64_limit = d.limit - locator64_bytes;
  file.require(get<uint32_t>(locator, 4) == 0 && get<uint32_t>(locator, 16) <= 1,
               "is one of several disks of a zip archive");
  file.require(end64_begin <= end64_limit && end64_limit - end64_begin >= end64_bytes,
               "zip64 end record at ", end64_begin, ", expected to end at ", end64_limit);
  file.read_at(end64_begin, end64, end64_bytes);
  file.require(get<uint32_t>(end64, 0) == end64_signature, "has no zip64 end record at ",
               end64_begin);
  file.require(get<uint64_t>(end64, 24) == get<uint64_t>(end64, 32),
               "is one of several disks of a zip archive");
  const Directory d64{get<uint64_t>(end64, 48), get<uint64_t>(end64, 40), get<uint64_t>(end64, 32),
                      end64_begin};
  file.require((d.begin == in_zip64 || d.begin == d64.begin) &&
                   (d.bytes == in_zip64 || d.bytes == d64.bytes) &&
                   (d.entries == 0xFFFF || d.entries == d64.entries),
               "its end records differ: the file was damaged");
  return d64;
}

}  // namespace

ZipReader::ZipReader(InputFile& file) : file_(file) {
  const Directory d = find_directory(file);
  file.require(d.entries <= max_entries, "zip archive of ", d.entries,
               " entries, expected at most ", max_entries);
  file.require(d.bytes <= max_directory_bytes, "zip directory of ", d.bytes,
               " bytes, expected at most ", max_directory_bytes);
  file.require(d.begin <= d.limit && d.bytes == d.limit - d.begin, "zip directory of ", d.bytes,
               " bytes at ", d.begin, ", expected to end at ", d.limit);
  read_directory(d.begin, d.bytes, d.entries);
  read_local_headers(d.begin);
  has_checksums_ =
      std::any_of(entries_.begin(), entries_.end(), [](const ZipEntry& e) { return e.crc != 0; });
}

void ZipReader::read_directory(uint64_t begin, uint64_t bytes, uint64_t count) {
  std::string text(bytes, '\0');
  file_.read_at(begin, text.data(), bytes);
  entries_.reserve(std::min<uint64_t>(count, bytes / entry_bytes));
  uint64_t at = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const auto fail = [&](const auto&... parts) {
      file_.fail("zip directory, byte ", begin + at, ": ", parts...);
    };
    if (bytes - at < entry_bytes) fail("entry ", i + 1, " of ", count, " is cut off");
    const char* record = text.data() + at;
    if (get<uint32_t>(record, 0) != entry_signature) fail("no entry where one is due");
    const uint16_t flags = get<uint16_t>(record, 8), method = get<uint16_t>(record, 10),
                   name_bytes = get<uint16_t>(record, 28), extra_bytes = get<uint16_t>(record, 30),
                   comment_bytes = get<uint16_t>(record, 32);
    const uint64_t record_bytes = uint64_t{entry_bytes} + name_bytes + extra_bytes + comment_bytes;
    if (bytes - at < record_bytes) fail("entry ", i + 1, " of ", count, " is cut off");
    ZipEntry e;
    e.name.assign(record + entry_bytes, name_bytes);
    e.crc = get<uint32_t>(record, 16);
    e.packed_bytes = get<uint32_t>(record, 20);
    e.bytes = get<uint32_t>(record, 24);
    e.data_begin = get<uint32_t>(record, 42);  // so far, of the local header
    if (flags & encrypted) fail(quote_name(e.name), " is encrypted");
    if (method != 0 && method != 8)
      fail(quote_name(e.name), " is packed by method ", method,
           ", expected 0 (stored) or 8 (deflated)");
    e.deflated = method == 8;

    // Zip64: the fields that do not fit stand in an extra field, in this order.
    const char* extra = record + entry_bytes + name_bytes;
    for (size_t left = extra_bytes; left >= 4;) {
      const uint16_t id = get<uint16_t>(extra, 0);
      size_t size = get<uint16_t>(extra, 2);
      if (size > left - 4) fail("extra field of ", size, " bytes, ", left - 4, " are left");
      const char* field = extra + 4;
      extra += 4 + size;
      left -= 4 + size;
      if (id != 1) continue;
      for (uint64_t* value : {&e.bytes, &e.packed_bytes, &e.data_begin}) {
        if (*value != in_zip64 || size < 8) continue;
        *value = get<uint64_t>(field, 0);
        field += 8;
        size -= 8;
      }
    }
    if (!e.deflated && e.bytes != e.packed_bytes)
      fail(quote_name(e.name), " is stored in ", e.packed_bytes, " bytes, expected ", e.bytes);
    entries_.push_back(std::move(e));
    at += record_bytes;
  }
  file_.require(at == bytes, "zip directory of ", bytes, " bytes, its ", count, " entries have ",
                at);
  for (size_t i = 0; i < entries_.size(); ++i)
    file_.require(by_name_.emplace(entries_[i].name, i).second, "zip entry ",
                  quote_name(entries_[i].name), " appears twice");
}

/// The data of an entry begins after its local header, which repeats what the directory says. In
/// the order of their places no entry may reach into the next.
void ZipReader::read_local_headers(uint64_t directory_begin) {
  std::vector<ZipEntry*> by_place;
  for (ZipEntry& e : entries_) by_place.push_back(&e);
  std::sort(by_place.begin(), by_place.end(),
            [](const auto* a, const auto* b) { return a->data_begin < b->data_begin; });
  uint64_t end = 0;
  for (ZipEntry* e : by_place) {
    const auto fail = [&](const auto&... parts) {
      file_.fail("zip entry ", quote_name(e->name), ": ", parts...);
    };
    const uint64_t begin = e->data_begin;
    if (begin < end) fail("begins at ", begin, ", inside the one before that ends at ", end);
    if (begin > directory_begin || directory_begin - begin < local_bytes + e->name.size())
      fail("begins at ", begin, ", expected before the directory at ", directory_begin);
    std::string header(local_bytes + e->name.size(), '\0');
    file_.read_at(begin, header.data(), header.size());
    if (get<uint32_t>(header.data(), 0) != local_signature) fail("no local header at ", begin);
    const uint16_t flags = get<uint16_t>(header.data(), 6),
                   method = get<uint16_t>(header.data(), 8);
    const uint32_t packed = get<uint32_t>(header.data(), 18),
                   size = get<uint32_t>(header.data(), 22);
    if (get<uint16_t>(header.data(), 26) != e->name.size() ||
        header.compare(local_bytes, std::string::npos, e->name) != 0 ||
        method != (e->deflated ? 8 : 0) || (flags & encrypted))
      fail("its local header at ", begin, " differs from the directory");
    if (!(flags & sizes_follow) && (get<uint32_t>(header.data(), 14) != e->crc ||
                                    (packed != in_zip64 && packed != e->packed_bytes) ||
                                    (size != in_zip64 && size != e->bytes)))
      fail("size or CRC in its local header at ", begin, " differ from the directory");
    e->data_begin = begin + header.size() + get<uint16_t>(header.data(), 28);
    if (e->data_begin > directory_begin || e->packed_bytes > directory_begin - e->data_begin)
      fail("has ", e->packed_bytes, " bytes at ", e->data_begin,
           ", which reach into the directory at ", directory_begin);
    end = e->data_begin + e->packed_bytes;
  }
}

ZipEntry* ZipReader::find(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

std::string ZipReader::read(ZipEntry& entry, uint64_t limit) {
  file_.require(entry.bytes <= limit, "zip entry ", quote_name(entry.name), " has ", entry.bytes,
                " bytes, expected at most ", limit);
  std::string text(entry.bytes, '\0');
  if (entry.deflated) {
    Inflater(file_, entry, has_checksums_)
        .read(reinterpret_cast<std::byte*>(text.data()), entry.bytes);
  } else {
    verify_stored(entry);
    file_.read_at(entry.data_begin, text.data(), text.size());
  }
  return text;
}

void ZipReader::verify_stored(ZipEntry& entry) {
  if (entry.verified || !has_checksums_) return;
  std::vector<unsigned char> piece(std::min<uint64_t>(entry.bytes, 1 << 18));
  uLong crc = crc32(0, nullptr, 0);
  for (uint64_t done = 0; done < entry.bytes; done += piece.size()) {
    piece.resize(std::min<uint64_t>(piece.size(), entry.bytes - done));
    file_.read_at(entry.data_begin + done, piece.data(), piece.size());
    crc = crc32(crc, piece.data(), static_cast<uInt>(piece.size()));
  }
  file_.require(crc == entry.crc, "zip entry ", quote_name(entry.name),
                ": the data does not fit its CRC: it was damaged");
  entry.verified = true;
}

Inflater::Inflater(InputFile& file, const ZipEntry& entry, bool check_crc)
    : file_(file),
      entry_(entry),
      check_crc_(check_crc),
      stream_(std::make_unique<z_stream>()),
      packed_(std::min<uint64_t>(entry.packed_bytes, 1 << 16)) {
  if (inflateInit2(stream_.get(), -MAX_WBITS) != Z_OK) throw OutOfMemoryError("[zip] zlib");
  if (entry.bytes == 0) finish();
}

Inflater::~Inflater() { inflateEnd(stream_.get()); }

void Inflater::read(std::byte* to, size_t bytes) {
  file_.require(bytes <= entry_.bytes - given_, "zip entry ", quote_name(entry_.name), ": ", bytes,
                " bytes asked for, ", entry_.bytes - given_, " are left");
  while (bytes > 0) {
    if (stream_->avail_in == 0 && taken_ < entry_.packed_bytes) {
      const uint64_t next = std::min<uint64_t>(packed_.size(), entry_.packed_bytes - taken_);
      file_.read_at(entry_.data_begin + taken_, packed_.data(), next);
      taken_ += next;
      stream_->next_in = packed_.data();
      stream_->avail_in = static_cast<uInt>(next);
    }
    const uInt room = static_cast<uInt>(std::min<size_t>(bytes, 1 << 30));
    auto* out = reinterpret_cast<unsigned char*>(to);
    stream_->next_out = out;
    stream_->avail_out = room;
    const int result = inflate(stream_.get(), Z_NO_FLUSH);
    const uInt made = room - stream_->avail_out;
    crc_ = static_cast<uint32_t>(crc32(crc_, out, made));
    given_ += made;
    to += made;
    bytes -= made;
    ended_ = result == Z_STREAM_END;
    const bool used_up = stream_->avail_in == 0 && taken_ == entry_.packed_bytes;
    if ((result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) ||
        (bytes > 0 && (ended_ || (made == 0 && used_up))))
      fail_at_packed_data();
  }
  if (given_ == entry_.bytes) finish();
}

void Inflater::fail_at_packed_data() const {
  file_.fail("zip entry ", quote_name(entry_.name),
             ": the packed data is damaged, or makes other than ", entry_.bytes, " bytes");
}

void Inflater::finish() {
  if (entry_.bytes > 0 && !ended_) {  // the end mark may still be due, but no further byte
    unsigned char more;
    stream_->next_out = &more;
    stream_->avail_out = 1;
    if (inflate(stream_.get(), Z_NO_FLUSH) != Z_STREAM_END || stream_->avail_out == 0)
      fail_at_packed_data();
  }
  file_.require(!check_crc_ || crc_ == entry_.crc, "zip entry ", quote_name(entry_.name),
                ": the data does not fit its CRC: it was damaged");
}

}  // namespace pixelgrad
