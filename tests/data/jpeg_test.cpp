// JPEG photos: right pixels of sound files, DataError for the rest. The three sound files were
// encoded by libjpeg-turbo (through Pillow 13.0); the expected colours are what it decodes them to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "data/file_io.h"
#include "data/image_io.h"
#include "tensor/check.h"
#include "tensor/random.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {
using ::testing::AllOf;
using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

/// 16 x 16: left half about (20, 60, 220), right half about (200, 40, 30). Progressive, 4:4:4.
constexpr char progressive_hex[] =
    "ffd8ffe000104a46494600010100000100010000ffdb00430003020203020203030303040303040508050504"
    "04050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f1718161418121415"
    "14ffdb00430103040405040509050509140d0b0d141414141414141414141414141414141414141414141414"
    "1414141414141414141414141414141414141414141414141414ffc200110800100010030111000211010311"
    "01ffc4001500010100000000000000000000000000000507ffc4001601010101000000000000000000000000"
    "00080607ffda000c03010002100310000001966e926e181301a7ccee18131fffc40014100100000000000000"
    "000000000000000020ffda00080101000105021fffc40014110100000000000000000000000000000020ffda"
    "0008010301013f011fffc40014110100000000000000000000000000000020ffda0008010201013f011fffc4"
    "0014100100000000000000000000000000000020ffda0008010100063f021fffc40014100100000000000000"
    "000000000000000020ffda0008010100013f211fffda000c030100020003000000109a6fffc4001411010000"
    "0000000000000000000000000020ffda0008010301013f101fffc40014110100000000000000000000000000"
    "000020ffda0008010201013f101fffc40014100100000000000000000000000000000020ffda000801010001"
    "3f101fffd9";
/// The same picture, baseline, 4:2:0.
constexpr char baseline_hex[] =
    "ffd8ffe000104a46494600010100000100010000ffdb00430003020203020203030303040303040508050504"
    "04050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f1718161418121415"
    "14ffdb00430103040405040509050509140d0b0d141414141414141414141414141414141414141414141414"
    "1414141414141414141414141414141414141414141414141414ffc000110800100010030122000211010311"
    "01ffc4001500010100000000000000000000000000000608ffc4001410010000000000000000000000000000"
    "0000ffc40014010100000000000000000000000000000007ffc4001811000203000000000000000000000000"
    "0000074583c3ffda000c03010002110311003f00968e01ce092ec8eb7310131215687fffd9";
/// 8 x 8, one CMYK colour with an Adobe marker.
constexpr char cmyk_hex[] =
    "ffd8ffee000e41646f626500640000000000ffdb0043000d090a0b0a080d0b0a0b0e0e0d0f13201513121213"
    "271c1e17202e2931302e292d2c333a4a3e333646372c2d405741464c4e525352323e5a615a50604a51524fff"
    "c000140800080008044311004d11005911004b1100ffc4001600010101000000000000000000000000000701"
    "06ffc40014100100000000000000000000000000000000ffda000e0443004d0059004b00003f004e418378ff"
    "d9";

Bytes from_hex(const std::string& hex) {
  Bytes bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::strtol(hex.substr(i, 2).c_str(), nullptr, 16)));
  }
  return bytes;
}

void expect_near(const Image& image, int64_t y, int64_t x, Rgb want, int tolerance) {
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(image.at(y, x)[c], want[c], tolerance) << "pixel " << x << ", " << y;
  }
}

TEST(Jpeg, DecodesLikeLibjpeg) {
  for (const char* hex : {progressive_hex, baseline_hex}) {
    const Image image = decode_image(from_hex(hex), "photo.jpg");
    ASSERT_EQ(image.height, 16);
    ASSERT_EQ(image.width, 16);
    ASSERT_EQ(image.channels, 3);
    expect_near(image, 8, 3, {20, 60, 220}, 3);
    expect_near(image, 8, 12, {200, 40, 30}, 3);
  }
  const Image cmyk = decode_image(from_hex(cmyk_hex), "cmyk.jpg");
  expect_near(cmyk, 4, 4, {226, 112, 0}, 3);
}

TEST(Jpeg, WrittenImagesReadBackNearly) {
  testing::ScratchFolder folder;
  Image image(24, 40, 3);
  for (int64_t y = 0; y < 24; ++y) {
    for (int64_t x = 0; x < 40; ++x) {
      image.at(y, x)[0] = static_cast<uint8_t>(6 * x);
      image.at(y, x)[1] = static_cast<uint8_t>(10 * y);
      image.at(y, x)[2] = 90;
    }
  }
  write_jpeg(folder / "a.jpg", image, 98);
  EXPECT_EQ(image_size(folder / "a.jpg"), (ImageSize{24, 40}));
  const Image back = read_image(folder / "a.jpg");
  for (int64_t y = 0; y < 24; ++y) {
    for (int64_t x = 0; x < 40; ++x) {
      expect_near(back, y, x, {image.at(y, x)[0], image.at(y, x)[1], 90}, 6);
    }
  }
  EXPECT_THROW(write_jpeg(folder / "b.jpg", image, 0), UsageError);
  EXPECT_THROW(write_jpeg(folder / "b.jpg", Image(0, 4, 3)), DataError);
}

std::string refusal(const Bytes& bytes) {
  try {
    decode_image(bytes, "folder/evil.jpg");
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("folder/evil.jpg"));
    return error.what();
  }
  return "accepted";
}

TEST(HostileJpeg, EveryTruncationIsRefused) {
  for (const char* hex : {progressive_hex, baseline_hex, cmyk_hex}) {
    const Bytes jpeg = from_hex(hex);
    for (size_t n = 0; n < jpeg.size(); ++n) {
      EXPECT_NE(refusal(Bytes(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(n))),
                "accepted")
          << n << " bytes";
    }
  }
}

TEST(HostileJpeg, RandomDamageNeverCrashes) {
  // A JPEG has no checksum, so damage may also decode; then the size is the declared one, and
  // the pixels are the same each time.
  Random random({.seed = 1, .stream = stream_of("damage"), .step = 0});
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    Bytes jpeg = from_hex(round % 3 == 0   ? baseline_hex
                          : round % 3 == 1 ? progressive_hex
                                           : cmyk_hex);
    const int64_t hits = 1 + random.below(4);
    for (int64_t i = 0; i < hits; ++i) {
      jpeg[static_cast<size_t>(random.below(static_cast<int64_t>(jpeg.size())))] =
          static_cast<uint8_t>(random.next());
    }
    try {
      const Image image = decode_image(jpeg, "evil.jpg");
      EXPECT_EQ(image, decode_image(jpeg, "evil.jpg"));
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("evil.jpg"));
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

/// The baseline file with the bytes from the first `marker` on changed by `edit`, which gets the
/// position of the segment's length field.
template <class Edit>
Bytes edited(uint8_t marker, Edit edit) {
  Bytes jpeg = from_hex(baseline_hex);
  for (size_t i = 2; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xFF && jpeg[i + 1] == marker) {
      edit(jpeg, i + 2);
      return jpeg;
    }
  }
  ADD_FAILURE() << "no marker " << int{marker};
  return jpeg;
}

/// Replaces the first Huffman table by one with these numbers of codes of 1 to 16 bits.
Bytes with_huffman_counts(const std::array<int, 16>& counts) {
  return edited(0xC4, [&](Bytes& jpeg, size_t at) {
    const size_t old_length = size_t{jpeg[at]} << 8 | jpeg[at + 1];
    int codes = 0;
    Bytes table = {0};
    for (int count : counts) {
      table.push_back(static_cast<uint8_t>(count));
      codes += count;
    }
    table.resize(table.size() + static_cast<size_t>(codes));
    const size_t length = table.size() + 2;
    table.insert(table.begin(), {static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)});
    const auto begin = jpeg.begin() + static_cast<std::ptrdiff_t>(at);
    jpeg.erase(begin, begin + static_cast<std::ptrdiff_t>(old_length));
    jpeg.insert(jpeg.begin() + static_cast<std::ptrdiff_t>(at), table.begin(), table.end());
  });
}

TEST(HostileJpeg, HuffmanTablesAreCheckedBeforeTheDecoder) {
  std::array<int, 16> counts{};
  counts[15] = 255;  // 255 + 255 codes overflow stb_image's arrays of 257
  counts[14] = 255;
  EXPECT_THAT(refusal(with_huffman_counts(counts)), HasSubstr("510 codes, expected at most 256"));
  counts = {};
  counts[0] = 3;
  EXPECT_THAT(refusal(with_huffman_counts(counts)), HasSubstr("more codes of 1 bits than exist"));
  const Bytes no_table = edited(0xC4, [](Bytes& jpeg, size_t at) { jpeg[at - 1] = 0xFE; });
  EXPECT_THAT(refusal(no_table), HasSubstr("DC Huffman table 0 is used but not defined"));
  const Bytes table_9 = edited(0xC4, [](Bytes& jpeg, size_t at) { jpeg[at + 2] = 9; });
  EXPECT_THAT(refusal(table_9), HasSubstr("Huffman table number 9"));
}

TEST(HostileJpeg, BadFramesAreRefused) {
  const auto frame = [](size_t offset, std::vector<uint8_t> bytes) {
    return edited(0xC0, [&](Bytes& jpeg, size_t at) {
      std::copy(bytes.begin(), bytes.end(),
                jpeg.begin() + static_cast<std::ptrdiff_t>(at + offset));
    });
  };
  EXPECT_THAT(refusal(frame(2, {12})), HasSubstr("12 bits a sample, expected 8"));
  EXPECT_THAT(refusal(frame(3, {0, 0})), HasSubstr("size is 16 x 0"));
  EXPECT_THAT(refusal(frame(5, {0, 0})), HasSubstr("size is 0 x 16"));
  EXPECT_THAT(refusal(frame(3, {255, 255, 255, 255})), HasSubstr("size is 65535 x 65535"));
  EXPECT_THAT(refusal(frame(3, {16, 0, 16, 0})), HasSubstr("cannot hold 4096 x 4096"));
  EXPECT_THAT(refusal(frame(7, {2})), HasSubstr("2 components, expected 1, 3 or 4"));
  EXPECT_THAT(refusal(frame(9, {0x51})), HasSubstr("sampling factors 5 x 1"));
  EXPECT_THAT(refusal(frame(9, {0x02})), HasSubstr("sampling factors 0 x 2"));
  EXPECT_THAT(refusal(frame(10, {3})), HasSubstr("quantization table 3 is used but not defined"));
  const Bytes lossless = edited(0xC0, [](Bytes& jpeg, size_t at) { jpeg[at - 1] = 0xC3; });
  EXPECT_THAT(refusal(lossless), HasSubstr("SOF3 is not supported"));
  const Bytes twice = edited(0xC0, [](Bytes& jpeg, size_t at) {
    const Bytes copy(jpeg.begin() + static_cast<std::ptrdiff_t>(at) - 2,
                     jpeg.begin() + static_cast<std::ptrdiff_t>(at) + 17);
    jpeg.insert(jpeg.begin() + static_cast<std::ptrdiff_t>(at) + 17, copy.begin(), copy.end());
  });
  EXPECT_THAT(refusal(twice), HasSubstr("second frame header"));
}

TEST(HostileJpeg, BadScansAreRefused) {
  const auto scan = [](size_t offset, uint8_t value) {
    return edited(0xDA, [&](Bytes& jpeg, size_t at) { jpeg[at + offset] = value; });
  };
  EXPECT_THAT(refusal(scan(2, 4)), HasSubstr("4 components in a scan, expected 1 to 3"));
  EXPECT_THAT(refusal(scan(3, 77)), HasSubstr("unknown component 77"));
  EXPECT_THAT(refusal(scan(5, 1)), HasSubstr("component 1 twice"));
  EXPECT_THAT(refusal(scan(4, 0x40)), HasSubstr("expected 0 to 3"));
  EXPECT_THAT(refusal(scan(4, 0x02)), HasSubstr("AC Huffman table 2 is used but not defined"));
  const Bytes short_segment = edited(0xDB, [](Bytes& jpeg, size_t at) {
    jpeg[at] = 0;
    jpeg[at + 1] = 1;
  });
  EXPECT_THAT(refusal(short_segment), HasSubstr("segment length 1"));
}

}  // namespace
}  // namespace pixelgrad
