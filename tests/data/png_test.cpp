// PNG photos and masks. The files are put together here from the PNG specification and zlib, so
// that reading is not checked against our own writing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/file_io.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "tensor/check.h"
#include "tests/data/png_builder.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {
using ::testing::AllOf;
using testing::build_png;
using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using testing::ScratchFolder;

std::vector<int> counting(int n, int below) {
  std::vector<int> v;
  for (int i = 0; i < n; ++i) v.push_back((i * 7 + 3) % below);
  return v;
}

template <class F>
std::string data_error(F f) {
  try {
    f();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

class GrayDepth : public ::testing::TestWithParam<int> {};

TEST_P(GrayDepth, MaskKeepsRawValues) {
  const int depth = GetParam();
  // 13 wide: a row of 1, 2 or 4 bits does not end on a byte.
  const std::vector<int> values = counting(13 * 5, depth == 16 ? 40000 : 1 << depth);
  const RawMask mask = decode_mask(build_png(13, 5, depth, 0, values), "gray.png");
  EXPECT_EQ(mask.kind, RawMask::Kind::gray);
  EXPECT_EQ(mask.bit_depth, depth);
  EXPECT_EQ(mask.height, 5);
  EXPECT_EQ(mask.width, 13);
  EXPECT_TRUE(mask.palette.empty());
  EXPECT_TRUE(mask.rgb.empty());
  EXPECT_THAT(mask.values, ElementsAreArray(values));
}

TEST_P(GrayDepth, PhotoScalesToEightBits) {
  const int depth = GetParam();
  const std::vector<int> values = counting(9 * 3, depth == 16 ? 40000 : 1 << depth);
  const Image image = decode_image(build_png(9, 3, depth, 0, values), "gray.png");
  ASSERT_EQ(image.channels, 3);
  for (size_t i = 0; i < values.size(); ++i) {
    const int want = depth == 16 ? values[i] >> 8 : values[i] * 255 / ((1 << depth) - 1);
    for (size_t c = 0; c < 3; ++c) EXPECT_EQ(image.pixels[3 * i + c], want) << "pixel " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Png, GrayDepth, ::testing::Values(1, 2, 4, 8, 16));

class PaletteDepth : public ::testing::TestWithParam<int> {};

TEST_P(PaletteDepth, MaskKeepsIndicesAndPalette) {
  const int depth = GetParam();
  const std::vector<int> values = counting(11 * 4, 2);
  const Bytes palette = {10, 20, 30, 200, 150, 100};
  const Bytes png = build_png(11, 4, depth, 3, values, palette);
  const RawMask mask = decode_mask(png, "palette.png");
  EXPECT_EQ(mask.kind, RawMask::Kind::palette);
  EXPECT_EQ(mask.bit_depth, depth);
  EXPECT_THAT(mask.values, ElementsAreArray(values));
  EXPECT_THAT(mask.palette, ElementsAre(Rgb{10, 20, 30}, Rgb{200, 150, 100}));

  const Image image = decode_image(png, "palette.png");
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(image.pixels[3 * i + c], palette[3 * static_cast<size_t>(values[i]) + c]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Png, PaletteDepth, ::testing::Values(1, 2, 4, 8));

TEST(Png, AlphaIsDroppedNotBlended) {
  const std::vector<int> rgba = {1, 2, 3, 0, 100, 150, 200, 128};
  const Bytes png = build_png(2, 1, 8, 6, rgba);
  EXPECT_THAT(decode_image(png, "a").pixels, ElementsAre(1, 2, 3, 100, 150, 200));
  const RawMask mask = decode_mask(png, "a");
  EXPECT_EQ(mask.kind, RawMask::Kind::rgba);
  EXPECT_THAT(mask.rgb, ElementsAre(1, 2, 3, 100, 150, 200));

  const Bytes gray_alpha = build_png(2, 1, 8, 4, {7, 0, 9, 255});
  EXPECT_THAT(decode_image(gray_alpha, "a").pixels, ElementsAre(7, 7, 7, 9, 9, 9));
  EXPECT_THAT(decode_mask(gray_alpha, "a").values, ElementsAre(7, 9));
}

TEST(Png, SixteenBitRgbKeepsTheUpperByte) {
  const Bytes png = build_png(1, 2, 16, 2, {0x1234, 0xABCD, 0xFF00, 0x00FF, 0x8080, 0x0100});
  EXPECT_THAT(decode_mask(png, "a").rgb, ElementsAre(0x12, 0xAB, 0xFF, 0, 0x80, 1));
  EXPECT_THAT(decode_image(png, "a").pixels, ElementsAre(0x12, 0xAB, 0xFF, 0, 0x80, 1));
}

TEST(Png, InterlacedReadsAsPlain) {
  // Adam7 (PNG, section 8.2): pass p holds the pixels (x0 + i dx, y0 + j dy).
  constexpr int pass[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                              {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  const int w = 13, h = 11;
  const std::vector<int> values = counting(w * h, 256);
  Bytes plain;
  for (const auto& [x0, y0, dx, dy] : pass) {
    for (int y = y0; y < h; y += dy) {
      plain.push_back(0);
      for (int x = x0; x < w; x += dx) {
        plain.push_back(static_cast<uint8_t>(values[static_cast<size_t>(y * w + x)]));
      }
    }
  }
  Bytes png = testing::signature();
  testing::append(png, testing::header(w, h, 8, 0, 1));
  testing::append(png, testing::chunk("IDAT", testing::deflate(plain)));
  testing::append(png, testing::chunk("IEND", {}));
  EXPECT_THAT(decode_mask(png, "a").values, ElementsAreArray(values));
  const Image image = decode_image(png, "a");
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(image.pixels[3 * i], values[i]);
}

TEST(Png, WrittenImagesReadBackAndAreDeterministic) {
  ScratchFolder folder;
  for (int64_t channels : {1, 3}) {
    Image image(7, 5, channels);
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      image.pixels[i] = static_cast<uint8_t>(i * 37);
    }
    write_png(folder / "a.png", image);
    write_png(folder / "b.png", image);
    EXPECT_EQ(read_file(folder / "a.png", 1 << 20), read_file(folder / "b.png", 1 << 20));
    EXPECT_EQ(image_size(folder / "a.png"), (ImageSize{7, 5}));
    const Image back = read_image(folder / "a.png");
    ASSERT_EQ(back.channels, 3);
    for (size_t i = 0; i < back.pixels.size(); ++i) {
      EXPECT_EQ(back.pixels[i], image.pixels[channels == 3 ? i : i / 3]);
    }
  }
}

TEST(Png, WritesLeaveNoTemporaryFileBehind) {
  ScratchFolder folder;
  write_png(folder / "a.png", Image(2, 2, 3));
  EXPECT_THAT(data_error([&] { write_png(folder / "b.png", Image(2, 2, 2)); }), HasSubstr("b.png"));
  EXPECT_THAT(data_error([&] { write_png(folder / "missing/c.png", Image(2, 2, 3)); }),
              HasSubstr("c.png"));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().filename(), "a.png");
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST(Png, LabelsRoundTripAsIdsAndAsPalette) {
  ScratchFolder folder;
  LabelMap labels(3, 4);
  for (size_t i = 0; i < labels.ids.size(); ++i) labels.ids[i] = static_cast<uint8_t>(i % 3);
  labels.at(2, 1) = ignore_label;
  const std::vector<Rgb> colors = {{1, 2, 3}, {40, 50, 60}, {255, 0, 128}};
  write_label_png(folder / "ids.png", labels);
  write_palette_png(folder / "palette.png", labels, colors);

  const RawMask ids = read_mask(folder / "ids.png");
  EXPECT_EQ(ids.kind, RawMask::Kind::gray);
  EXPECT_THAT(ids.values, ElementsAreArray(labels.ids));
  const RawMask palette = read_mask(folder / "palette.png");
  EXPECT_EQ(palette.kind, RawMask::Kind::palette);
  EXPECT_THAT(palette.values, ElementsAreArray(labels.ids));
  EXPECT_EQ(palette.palette[2], colors[2]);
  EXPECT_EQ(read_image(folder / "palette.png"), colorize(labels, colors));

  EXPECT_THAT(data_error([&] {
                write_palette_png(folder / "x.png", labels, {colors.data(), 2});
              }),
              AllOf(HasSubstr("x.png"), HasSubstr("label 2 at pixel (2, 0) has no colour, "
                                                  "expected 0 to 1 or 255")));
  EXPECT_THAT(data_error([&] { write_label_png(folder / "y.png", {}); }), HasSubstr("y.png"));
}

TEST(Png, OverlayBlendsAndDarkensBorders) {
  Image photo(1, 4, 1);
  photo.pixels = {100, 100, 100, 100};
  LabelMap labels(1, 4);
  labels.ids = {0, 0, 1, ignore_label};
  const std::vector<Rgb> colors = {{200, 0, 100}, {0, 0, 0}};
  const Image out = overlay(photo, labels, colors, 0.5);
  // 0.5 * 100 + 0.5 * colour inside; 0.4 of that where the label to a side differs.
  EXPECT_THAT(out.pixels, ElementsAre(150, 50, 100, 60, 20, 40, 20, 20, 20, 40, 40, 40));
}

// ---- Hostile files ---------------------------------------------------------------------------

Bytes sound_png() { return build_png(13, 9, 8, 2, counting(13 * 9 * 3, 256)); }

void expect_refused(const Bytes& bytes, const std::string& part) {
  EXPECT_THAT(data_error([&] { decode_image(bytes, "folder/evil.png"); }),
              AllOf(HasSubstr("folder/evil.png"), HasSubstr(part)));
  EXPECT_THAT(data_error([&] { decode_mask(bytes, "folder/evil.png"); }),
              HasSubstr("folder/evil.png"));
}

TEST(HostilePng, EveryTruncationIsRefused) {
  const Bytes png = sound_png();
  decode_image(png, "whole");
  for (size_t n = 0; n < png.size(); ++n) {
    expect_refused(Bytes(png.begin(), png.begin() + static_cast<std::ptrdiff_t>(n)), "");
  }
}

TEST(HostilePng, EveryFlippedBitIsNoticed) {
  const Bytes png = sound_png();
  for (size_t i = 0; i < png.size(); ++i) {
    Bytes damaged = png;
    damaged[i] ^= static_cast<uint8_t>(1u << (i % 8));
    expect_refused(damaged, "");
  }
}

/// Image data that inflates to `plain_bytes` zeros.
Bytes bomb(uint32_t width, uint32_t height, size_t plain_bytes, size_t padding = 0) {
  Bytes data = testing::deflate(Bytes(plain_bytes));
  data.resize(data.size() + padding);
  Bytes png = testing::signature();
  testing::append(png, testing::header(width, height, 8, 0));
  testing::append(png, testing::chunk("IDAT", data));
  testing::append(png, testing::chunk("IEND", {}));
  return png;
}

TEST(HostilePng, BombsAreRefused) {
  expect_refused(bomb(1, 1, 2, 1 << 20), "bytes of image data are too many for 1 x 1 pixels");
  // 62 KB that pass for slack and inflate to 64 MB: the decoder's budget stops them.
  const Bytes small = bomb(1, 1, size_t{64} << 20);
  ASSERT_LT(small.size(), size_t{1} << 17);
  EXPECT_THAT(data_error([&] { decode_image(small, "evil.png"); }), HasSubstr("evil.png"));
  expect_refused(bomb(30000, 4000, 1000), "cannot hold 30000 x 4000 pixels");
}

TEST(HostilePng, BadHeadersAreRefused) {
  const auto with_header = [](const Bytes& header) {
    Bytes png = testing::signature();
    testing::append(png, header);
    testing::append(png, testing::chunk("IDAT", testing::deflate(Bytes(64))));
    testing::append(png, testing::chunk("IEND", {}));
    return png;
  };
  expect_refused(with_header(testing::header(0, 4, 8, 0)), "size is 0 x 4");
  expect_refused(with_header(testing::header(4, 0, 8, 0)), "size is 4 x 0");
  expect_refused(with_header(testing::header(0xFFFFFFFF, 0xFFFFFFFF, 8, 0)), "expected 1 to 32768");
  expect_refused(with_header(testing::header(32768, 32768, 8, 0)), "at most 134217728 pixels");
  expect_refused(with_header(testing::header(4, 4, 3, 0)), "bit depth 3");
  expect_refused(with_header(testing::header(4, 4, 16, 3)), "bit depth 16 with color type 3");
  expect_refused(with_header(testing::header(4, 4, 8, 5)), "color type 5");
  expect_refused(with_header(testing::header(4, 4, 8, 0, 2)), "interlace");
  expect_refused(with_header(testing::header(4, 4, 8, 3)), "without a palette");
  expect_refused(with_header(testing::chunk("IHDR", Bytes(12))), "expected IHDR of 13");
  expect_refused({}, "neither a PNG nor a JPEG");
  expect_refused({'G', 'I', 'F', '8', '9', 'a'}, "neither a PNG nor a JPEG");
}

TEST(HostilePng, BadChunkOrdersAreRefused) {
  const auto build = [](const std::vector<Bytes>& chunks, int color_type) {
    Bytes png = testing::signature();
    testing::append(png, testing::header(4, 4, 8, color_type));
    for (const Bytes& c : chunks) testing::append(png, c);
    return png;
  };
  const Bytes data = testing::chunk("IDAT", testing::deflate(Bytes(20)));
  const Bytes end = testing::chunk("IEND", {}), text = testing::chunk("tEXt", Bytes(4, 'a'));
  const Bytes palette = testing::chunk("PLTE", Bytes(9));
  decode_image(build({palette, text, data, end}, 3), "sound");
  expect_refused(build({end}, 0), "no image data");
  expect_refused(build({data}, 0), "expected an IEND chunk");
  expect_refused(build({data, text, data, end}, 0), "not in one row");
  expect_refused(build({palette, palette, data, end}, 3), "second or late PLTE");
  expect_refused(build({testing::chunk("PLTE", Bytes(10)), data, end}, 3), "palette of 10 bytes");
  expect_refused(build({testing::chunk("PLTE", Bytes(771)), data, end}, 3), "palette of 771 bytes");
  expect_refused(build({testing::chunk("CgBI", Bytes(4)), data, end}, 0), "critical chunk CgBI");
  expect_refused(build({testing::chunk("I AT", {}), data, end}, 0), "no chunk type");
}

TEST(HostilePng, DamageBehindRightChecksumsIsADataError) {
  // Whoever forges a file forges its checksums: damage the compressed data, then seal it.
  const Bytes data = testing::deflate([] {
    Bytes plain;
    for (int i = 0; i < 9 * 14; ++i) plain.push_back(i % 14 == 0 ? 4 : static_cast<uint8_t>(i * i));
    return plain;
  }());
  int refused = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    for (int bit = 0; bit < 8; bit += 3) {
      Bytes damaged = data;
      damaged[i] ^= static_cast<uint8_t>(1u << bit);
      Bytes png = testing::signature();
      testing::append(png, testing::header(13, 9, 8, 0));
      testing::append(png, testing::chunk("IDAT", damaged));
      testing::append(png, testing::chunk("IEND", {}));
      for (const auto& decode : {+[](const Bytes& b) { decode_image(b, "evil.png"); },
                                 +[](const Bytes& b) { decode_mask(b, "evil.png"); }}) {
        try {
          decode(png);
        } catch (const DataError& error) {
          EXPECT_THAT(error.what(), HasSubstr("evil.png"));
          ++refused;
        }
      }
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(ReadImage, NamesFilesThatCannotBeRead) {
  ScratchFolder folder;
  for (const auto& path : {folder / "missing.png", folder.path()}) {
    EXPECT_THAT(data_error([&] { read_image(path); }), HasSubstr(path.string()));
    EXPECT_THAT(data_error([&] { read_mask(path); }), HasSubstr(path.string()));
    EXPECT_THAT(data_error([&] { image_size(path); }), HasSubstr(path.string()));
  }
  write_file(folder / "text.png", "not an image");
  EXPECT_THAT(data_error([&] { image_size(folder / "text.png"); }), HasSubstr("text.png"));
}

}  // namespace
}  // namespace pixelgrad
