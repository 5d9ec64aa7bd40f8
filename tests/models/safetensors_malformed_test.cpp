// Files that are not as the format wants them. Each is refused, with an error that names the file
// and what is wrong, and without memory for what it claims to hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "models/safetensors.h"
#include "tensor/allocator.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

struct Malformed {
  std::string name;
  std::string header;
  size_t data_bytes;
  std::string message;          // a part of the error
  int64_t claimed_length = -1;  // of the header; -1: the true one
};

void PrintTo(const Malformed& m, std::ostream* out) { *out << m.name; }

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string many(size_t count, const std::string& begin, const std::string& text,
                 const std::string& end) {
  std::string all = begin;
  for (size_t i = 0; i < count; ++i) all += text;
  return all + end;
}

std::vector<Malformed> malformed() {
  const std::string good = tensor("\"F32\"", "[2]", "[0,8]");
  const auto one = [](const std::string& descriptor) { return "{\"w\":" + descriptor + "}"; };
  std::string too_many = "{";
  for (int i = 0; i < 16385; ++i)
    too_many += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + tensor("\"U8\"", "[0]", "[0,0]");
  return {
      {"HeaderLengthOverTheLimit", one(good), 8, "expected at most", 100'000'001},
      {"HeaderLengthOfAllOnes", one(good), 8, "header of 18446744073709551615 bytes", -2},
      {"HeaderLongerThanTheFile", one(good), 8, "the file was cut off", 4'000'000},
      {"HeaderEmpty", "", 0, "does not begin with '{'"},
      {"HeaderBeginsWithSpace", " " + one(good), 8, "does not begin with '{'"},
      {"HeaderIsAnArray", "[]", 0, "does not begin with '{'"},
      {"HeaderCutOff", R"({"w":{"dtype":"F32")", 8, "no valid JSON"},
      {"TextAfterTheHeader", one(good) + "x", 8, "no valid JSON"},
      {"TwoObjects", one(good) + "{}", 8, "no valid JSON"},
      {"CommentInTheHeader", "{/* */}", 0, "no valid JSON"},
      {"NotUtf8", "{\"\xFF\":" + good + "}", 8, "no valid JSON"},
      {"ControlCharacter", std::string("{\"\x01\":") + good + "}", 8, "no valid JSON"},
      {"DeepNesting", many(100000, R"({"w":)", "[", ""), 0, "got an array"},
      {"SameNameTwice", "{\"w\":" + good + ",\"w\":" + good + "}", 8, "name \"w\" appears twice"},
      {"SameNameSpelledWithAnEscape", "{\"w\":" + good + ",\"\\u0077\":" + good + "}", 8,
       "appears twice"},
      {"SameFieldTwice", one(R"({"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]})"),
       8, "field \"dtype\" appears twice"},
      {"MetadataTwice", R"({"__metadata__":{},"__metadata__":{}})", 0, "appears twice"},
      {"MetadataKeyTwice", R"({"__metadata__":{"a":"1","a":"2"}})", 0,
       "metadata key \"a\" appears twice"},
      {"MetadataNotText", R"({"__metadata__":{"a":1}})", 0, "expected a string"},
      {"MetadataNested", R"({"__metadata__":{"a":{}}})", 0, "got an object"},
      {"MetadataNotAnObject", R"({"__metadata__":"a"})", 0, "expected an object"},
      {"TensorNotAnObject", R"({"w":[1]})", 0, "expected an object"},
      {"TensorNull", R"({"w":null})", 0, "got null"},
      {"UnknownField", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})"), 8,
       "unknown field \"x\""},
      {"NoDtype", one(R"({"shape":[2],"data_offsets":[0,8]})"), 8,
       "expected dtype, shape and data_offsets"},
      {"NoShape", one(R"({"dtype":"F32","data_offsets":[0,8]})"), 8,
       "expected dtype, shape and data_offsets"},
      {"NoOffsets", one(R"({"dtype":"F32","shape":[2]})"), 8,
       "expected dtype, shape and data_offsets"},
      {"UnknownDtype", one(tensor("\"F31\"", "[2]", "[0,8]")), 8, "dtype \"F31\", expected F32"},
      {"UnsupportedDtype", one(tensor("\"F8_E4M3\"", "[2]", "[0,2]")), 2,
       "tensor \"w\": dtype \"F8_E4M3\""},
      {"LowerCaseDtype", one(tensor("\"f32\"", "[2]", "[0,8]")), 8, "dtype \"f32\""},
      {"DtypeIsANumber", one(tensor("32", "[2]", "[0,8]")), 8, "the integer 32"},
      {"ShapeIsANumber", one(tensor("\"F32\"", "2", "[0,8]")), 8, "expected an array"},
      {"ShapeNested", one(tensor("\"F32\"", "[[2]]", "[0,8]")), 8, "got an array"},
      {"ShapeOfText", one(tensor("\"F32\"", "[\"2\"]", "[0,8]")), 8, "got a string"},
      {"NegativeSize", one(tensor("\"F32\"", "[-2]", "[0,8]")), 8, "the integer -2"},
      {"FractionalSize", one(tensor("\"F32\"", "[2.0]", "[0,8]")), 8, "the number 2.0"},
      {"SizeWithAnExponent", one(tensor("\"F32\"", "[2e0]", "[0,8]")), 8, "the number 2e0"},
      {"SizeOver64Bits", one(tensor("\"F32\"", "[18446744073709551616]", "[0,8]")), 8,
       "18446744073709551616"},
      {"SizeOver63Bits", one(tensor("\"F32\"", "[9223372036854775808]", "[0,8]")), 8,
       "out of range"},
      {"SizesWrapToFit", one(tensor("\"F32\"", "[4294967296,4294967296,2]", "[0,8]")), 8,
       "too many elements"},
      {"BytesWrapToFit", one(tensor("\"F64\"", "[2305843009213693953]", "[0,8]")), 8,
       "too many elements"},
      {"SizesWrapAroundAZero", one(tensor("\"U8\"", "[4294967296,4294967296,0]", "[0,0]")), 0,
       "too many elements"},
      {"NineDimensions", one(tensor("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]")), 1,
       "more than 8 dimensions"},
      {"ShapeClaimsMore", one(tensor("\"F32\"", "[1000000000]", "[0,8]")), 8,
       "expected 4000000000"},
      {"ShapeClaimsLess", one(tensor("\"F32\"", "[1]", "[0,8]")), 8,
       "data of 8 bytes, expected 4 for [1] of F32"},
      {"OffsetsReversed", one(tensor("\"F32\"", "[2]", "[8,0]")), 8, "data_offsets [8,0]"},
      {"OffsetsBeyondTheEnd", one(tensor("\"F32\"", "[2]", "[0,8]")), 7, "of 7 bytes of data"},
      {"OffsetsNearTheLargestInteger",
       one(tensor("\"F32\"", "[2]", "[18446744073709551608,18446744073709551615]")), 8,
       "data_offsets"},
      {"OffsetNegative", one(tensor("\"F32\"", "[2]", "[-8,0]")), 8, "the integer -8"},
      {"OneOffset", one(tensor("\"F32\"", "[2]", "[8]")), 8, "data_offsets of 2 values"},
      {"ThreeOffsets", one(tensor("\"F32\"", "[2]", "[0,8,8]")), 8, "more than 2 values"},
      {"GapBefore", one(tensor("\"F32\"", "[2]", "[4,12]")), 12, "leaves a gap"},
      {"GapBetween", "{\"a\":" + good + ",\"b\":" + tensor("\"F32\"", "[2]", "[12,20]") + "}", 20,
       "tensor \"b\": leaves a gap: begins at 12, expected 8"},
      {"Overlap", "{\"a\":" + good + ",\"b\":" + tensor("\"F32\"", "[2]", "[4,12]") + "}", 12,
       "tensor \"b\": overlaps"},
      {"SamePlaceTwice", "{\"a\":" + good + ",\"b\":" + good + "}", 8, "overlaps"},
      {"BytesAfterTheLast", one(good), 9, "9 bytes of data, expected 8"},
      {"BytesWithoutTensors", "{}", 4, "4 bytes of data, expected 0"},
      {"TooManyTensors", too_many + "}", 0, "more than 16384 tensors"},
      {"SomeChecksumsMissing", R"({"__metadata__":{"pixelgrad.layout":"NHWC"}})", 0,
       "checksums are missing"},
  };
}

std::string file_bytes(const Malformed& m) {
  uint64_t length = m.header.size();
  if (m.claimed_length >= 0) length = static_cast<uint64_t>(m.claimed_length);
  if (m.claimed_length == -2) length = ~uint64_t{0};
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + m.header + std::string(m.data_bytes, '\x2A');
}

class MalformedSafetensors : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedSafetensors, IsRefused) {
  const testing::ScratchFolder folder;
  const auto path = folder / "bad.safetensors";
  testing::put_file(path, file_bytes(GetParam()));
  reset_peak_memory();
  const int64_t in_use = memory_stats().in_use;
  for (const bool metadata_only : {false, true}) {
    try {
      if (metadata_only)
        read_safetensors_metadata(path);
      else
        read_safetensors(path);
      ADD_FAILURE() << "no error";
    } catch (const CheckpointError& e) {
      EXPECT_THAT(e.what(), HasSubstr("[safetensors] " + path.string() + ": "));
      EXPECT_THAT(e.what(), HasSubstr(GetParam().message));
      EXPECT_THAT(e.what(), Not(HasSubstr("\n")));
    }
  }
  // No tensor was made: a file is refused before it gets memory for what it claims to hold.
  EXPECT_EQ(memory_stats().peak_in_use, in_use);
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedSafetensors, ::testing::ValuesIn(malformed()),
                         [](const auto& info) { return info.param.name; });

TEST(SafetensorsPath, WhatIsNoFileIsRefused) {
  const testing::ScratchFolder folder;
  for (const auto& path : {folder / "missing", folder.path(), std::filesystem::path("/dev/zero")})
    EXPECT_THROW(read_safetensors(path), CheckpointError) << path;
}

TEST(SafetensorsMessage, HostileNamesStayOnOneShortLine) {
  const testing::ScratchFolder folder;
  const std::string name = "a\\n\\u001b[31m" + std::string(5000, 'x');
  testing::put_file(folder / "a", file_bytes({"", "{\"" + name + "\":null}", 0, ""}));
  try {
    read_safetensors(folder / "a");
    ADD_FAILURE();
  } catch (const CheckpointError& e) {
    const std::string message = e.what();
    EXPECT_LT(message.size(), 600u);
    for (const char c : message) EXPECT_GE(c, ' ');
  }
}

TEST(SafetensorsMessage, DamagedHeaderChecksumOfAHostileFileIsNoCrash) {
  // Own keys with values of any length and kind.
  const testing::ScratchFolder folder;
  for (const std::string digits : {"", "0", "0000000g", "000000000", "+1234567"})
    for (const std::string checksums : {"", "0", "zzzzzzzz"}) {
      const std::string header = R"({"__metadata__":{"pixelgrad.header_crc32c":")" + digits +
                                 R"(","pixelgrad.layout":"NHWC","pixelgrad.crc32c":")" + checksums +
                                 R"("}})";
      testing::put_file(folder / "a", file_bytes({"", header, 0, ""}));
      EXPECT_THROW(read_safetensors(folder / "a"), CheckpointError) << header;
    }
}

}  // namespace
}  // namespace pixelgrad
