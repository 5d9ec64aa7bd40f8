#include "data/jpeg_scan.h"

#include <array>
#include <bitset>

#include "data/image_io.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

enum Marker : int {
  SOF0 = 0xC0,
  SOF1 = 0xC1,
  SOF2 = 0xC2,
  DHT = 0xC4,
  SOF15 = 0xCF,
  RST0 = 0xD0,
  RST7 = 0xD7,
  SOI = 0xD8,
  EOI = 0xD9,
  SOS = 0xDA,
  DQT = 0xDB,
  DRI = 0xDD,
  APP0 = 0xE0,
  APP15 = 0xEF,
  COM = 0xFE,
};

/// Reads bytes in order and throws where they end.
class ByteReader {
 public:
  ByteReader(std::span<const uint8_t> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}
  int64_t left() const { return static_cast<int64_t>(bytes_.size() - at_); }
  size_t at() const { return at_; }
  int byte() {
    check<DataError>(left() >= 1, "[jpeg] ", name_, ": ends early, at byte ", at_);
    return bytes_[at_++];
  }
  int two_bytes() {
    const int high = byte();
    return high << 8 | byte();
  }
  void skip(int64_t n) {
    check<DataError>(left() >= n, "[jpeg] ", name_, ": ends early, at byte ", bytes_.size());
    at_ += static_cast<size_t>(n);
  }
  /// Steps back over n bytes that were read.
  void back(size_t n) { at_ -= n; }
  /// A reader of the next n bytes; this one goes on behind them.
  ByteReader part(int64_t n) {
    const size_t begin = at_;
    skip(n);
    return {bytes_.subspan(begin, static_cast<size_t>(n)), name_};
  }

 private:
  std::span<const uint8_t> bytes_;
  const std::string& name_;
  size_t at_ = 0;
};

class Scanner {
 public:
  Scanner(std::span<const uint8_t> bytes, const std::string& name)
      : size_(static_cast<int64_t>(bytes.size())), reader_(bytes, name), name_(name) {}

  JpegHeader run(bool header_only) {
    require(reader_.left() >= 2 && reader_.two_bytes() == (0xFF00 | SOI), "no JPEG signature");
    for (;;) {
      const int marker = next_marker();
      if (marker == EOI) break;
      segment(marker);
      if (header_only && have_frame_) return header_;
    }
    require(have_frame_, "no frame header");
    require(have_scan_, "no image data");
    return header_;
  }

 private:
  template <class... Parts>
  void require(bool ok, const Parts&... parts) const {
    check<DataError>(ok, "[jpeg] ", name_, ": ", parts...);
  }

  int next_marker() {
    int byte = reader_.byte();
    // Some writers pad between segments before the frame header; the decoder skips that as well.
    while (!have_frame_ && byte != 0xFF) byte = reader_.byte();
    require(byte == 0xFF, "byte ", reader_.at() - 1, " is not a marker");
    while (byte == 0xFF) byte = reader_.byte();
    return byte;
  }

  void segment(int marker) {
    const int length = reader_.two_bytes();
    require(length >= 2, "segment length ", length, ", expected at least 2");
    ByteReader part = reader_.part(length - 2);
    switch (marker) {
      case DHT:
        return huffman_tables(part);
      case DQT:
        return quantization_tables(part);
      case SOF0:
      case SOF1:
      case SOF2:
        return frame(part, marker == SOF2);
      case SOS:
        scan(part);
        return skip_entropy_coded_data();
      case DRI:
        return require(part.left() == 2, "restart interval of ", part.left(), " bytes, expected 2");
      case COM:
        return;
      default:
        require(marker < SOF0 || marker > SOF15, "coding process SOF", marker - SOF0,
                " is not supported, expected Huffman baseline, extended or progressive");
        require(marker >= APP0 && marker <= APP15, "unexpected marker ", marker);
    }
  }

  /// B.2.4.2. stb_image 2.27 writes one array element a code without counting them.
  void huffman_tables(ByteReader& part) {
    while (part.left() > 0) {
      const int which = part.byte();
      require((which >> 4) <= 1 && (which & 15) <= 3, "Huffman table number ", which);
      int codes = 0, code = 0;
      for (int bits = 1; bits <= 16; ++bits) {
        const int count = part.byte();
        codes += count;
        code += count;
        require(code <= 1 << bits, "Huffman table has more codes of ", bits, " bits than exist");
        code <<= 1;
      }
      require(codes <= 256, "Huffman table has ", codes, " codes, expected at most 256");
      part.skip(codes);
      (which >> 4 ? have_ac_ : have_dc_).set(static_cast<size_t>(which & 15));
    }
  }

  void quantization_tables(ByteReader& part) {
    while (part.left() > 0) {
      const int which = part.byte();
      require((which >> 4) <= 1 && (which & 15) <= 3, "quantization table number ", which);
      part.skip(which >> 4 ? 128 : 64);
      have_quantization_.set(static_cast<size_t>(which & 15));
    }
  }

  void frame(ByteReader& part, bool progressive) {
    require(!have_frame_, "second frame header");
    const int precision = part.byte();
    require(precision == 8, precision, " bits a sample, expected 8");
    header_.height = part.two_bytes();
    header_.width = part.two_bytes();
    header_.components = part.byte();
    header_.progressive = progressive;
    const auto& [h, w, n, p] = header_;
    require(
        h >= 1 && w >= 1 && h <= max_image_side && w <= max_image_side && h * w <= max_image_pixels,
        "size is ", w, " x ", h, ", expected 1 to ", max_image_side, " a side and at most ",
        max_image_pixels, " pixels");
    require(n == 1 || n == 3 || n == 4, n, " components, expected 1, 3 or 4");
    require(part.left() == 3 * n, "frame header of ", part.left(), " bytes, expected ", 3 * n);
    for (int i = 0; i < n; ++i) {
      component_id_[static_cast<size_t>(i)] = part.byte();
      const int sampling = part.byte(), table = part.byte();
      require((sampling >> 4) >= 1 && (sampling >> 4) <= 4 && (sampling & 15) >= 1 &&
                  (sampling & 15) <= 4,
              "sampling factors ", sampling >> 4, " x ", sampling & 15, ", expected 1 to 4");
      require(table <= 3, "quantization table ", table, ", expected 0 to 3");
      component_table_[static_cast<size_t>(i)] = table;
    }
    // Every 8x8 block takes at least one bit; 4 is slack for odd sampling factors.
    constexpr int64_t pixels_a_byte = int64_t{64} * 8 * 4;
    require(h * w <= pixels_a_byte * size_, "file of ", size_, " bytes cannot hold ", w, " x ", h,
            " pixels");
    have_frame_ = true;
  }

  /// B.2.3. Every table that the scan uses must be there.
  void scan(ByteReader& part) {
    require(have_frame_, "image data before the frame header");
    const int n = part.byte();
    require(n >= 1 && n <= header_.components, n, " components in a scan, expected 1 to ",
            header_.components);
    require(part.left() == 2 * n + 3, "scan header of ", part.left(), " bytes, expected ",
            2 * n + 3);
    std::array<int, 4> tables{};
    std::bitset<4> seen;
    for (int i = 0; i < n; ++i) {
      const int id = part.byte();
      size_t c = 0;
      while (c < static_cast<size_t>(header_.components) && component_id_[c] != id) ++c;
      require(c < static_cast<size_t>(header_.components), "scan of unknown component ", id);
      require(!seen.test(c), "component ", id, " twice in one scan");
      seen.set(c);
      tables[static_cast<size_t>(i)] = part.byte();
      require(have_quantization_.test(static_cast<size_t>(component_table_[c])),
              "quantization table ", component_table_[c], " is used but not defined");
    }
    const int first = part.byte(), last = part.byte(), approximation = part.byte();
    const bool baseline = !header_.progressive;
    require(baseline || (first <= last && last <= 63), "scan of coefficients ", first, " to ",
            last);
    const bool uses_dc = baseline || (first == 0 && (approximation >> 4) == 0);
    const bool uses_ac = baseline || first > 0;
    for (int i = 0; i < n; ++i) {
      const auto dc = static_cast<size_t>(tables[static_cast<size_t>(i)] >> 4);
      const auto ac = static_cast<size_t>(tables[static_cast<size_t>(i)] & 15);
      require(dc <= 3 && ac <= 3, "Huffman tables ", dc, " and ", ac, ", expected 0 to 3");
      require(!uses_dc || have_dc_.test(dc), "DC Huffman table ", dc, " is used but not defined");
      require(!uses_ac || have_ac_.test(ac), "AC Huffman table ", ac, " is used but not defined");
    }
    have_scan_ = true;
  }

  /// Up to the next marker that is neither a stuffed zero nor a restart.
  void skip_entropy_coded_data() {
    for (;;) {
      while (reader_.byte() != 0xFF) {
      }
      int byte = reader_.byte();
      while (byte == 0xFF) byte = reader_.byte();
      if (byte == 0 || (byte >= RST0 && byte <= RST7)) continue;
      reader_.back(2);
      return;
    }
  }

  const int64_t size_;
  ByteReader reader_;
  const std::string& name_;
  JpegHeader header_;
  bool have_frame_ = false, have_scan_ = false;
  std::bitset<4> have_dc_, have_ac_, have_quantization_;
  std::array<int, 4> component_id_{}, component_table_{};
};

}  // namespace

bool is_jpeg(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == SOI && bytes[2] == 0xFF;
}

JpegHeader read_jpeg_header(std::span<const uint8_t> bytes, const std::string& name) {
  return Scanner(bytes, name).run(true);
}

JpegHeader scan_jpeg(std::span<const uint8_t> bytes, const std::string& name) {
  return Scanner(bytes, name).run(false);
}

}  // namespace pixelgrad
