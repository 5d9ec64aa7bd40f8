#include "models/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "tensor/random.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

Tensor random(const Shape& shape, Dtype dtype) {
  Tensor x = Tensor::empty(shape, Dtype::f64);
  fill_uniform(x, {.seed = 1}, 0, 200);
  return x.to(dtype);
}

TensorFile example() {
  return {{{"encoder.weight", random({2, 3, 3, 4}, Dtype::f32)},
           {"labels", random({5}, Dtype::u8)},
           {"steps", Tensor::scalar(1e15, Dtype::i64)},
           {"doubles", random({3, 7}, Dtype::f64)},
           {"classes", random({2, 2}, Dtype::i32)},
           {"empty", Tensor::zeros({0, 4}, Dtype::f32)}},
          {{"epoch", "12"}, {"note", "line\nbreak \"quoted\" \xC3\xA9"}}};
}

void expect_equal(const TensorFile& got, const TensorFile& expected) {
  EXPECT_EQ(got.metadata, expected.metadata);
  ASSERT_EQ(got.tensors.size(), expected.tensors.size());
  for (size_t i = 0; i < got.tensors.size(); ++i) {
    const Tensor &a = got.tensors[i].tensor, &b = expected.tensors[i].tensor;
    EXPECT_EQ(got.tensors[i].name, expected.tensors[i].name);
    EXPECT_EQ(a.dtype(), b.dtype());
    ASSERT_EQ(a.shape(), b.shape());
    EXPECT_TRUE(a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0)
        << got.tensors[i].name;
  }
}

std::string error_of(const std::filesystem::path& path) {
  try {
    read_safetensors(path);
  } catch (const CheckpointError& e) {
    return e.what();
  }
  return "no error";
}

TEST(Safetensors, RoundTripKeepsEveryBitOfEveryDtype) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a.safetensors", example());
  const TensorFile got = read_safetensors(folder / "a.safetensors");
  expect_equal(got, example());
  EXPECT_EQ(got.layout, "NHWC");
  EXPECT_EQ(read_safetensors_metadata(folder / "a.safetensors"), example().metadata);
  EXPECT_EQ(folder.files(), 1);
}

TEST(Safetensors, FileWithoutTensors) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", {});
  expect_equal(read_safetensors(folder / "a"), {});
}

// Activations are in no file.
TEST(Safetensors, Bf16TensorsAreRefused) {
  const testing::ScratchFolder folder;
  try {
    write_safetensors(folder / "a", {{{"x", Tensor::zeros({2}, Dtype::bf16)}}, {}});
    FAIL() << "was written";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("cannot write a tensor of bf16"));
  }
  EXPECT_EQ(folder.files(), 0);
}

TEST(Safetensors, TheSameContentsGiveTheSameBytes) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", example());
  write_safetensors(folder / "b", read_safetensors(folder / "a"));
  EXPECT_EQ(testing::file_bytes(folder / "a"), testing::file_bytes(folder / "b"));
}

TEST(Safetensors, ValuesBeginAlignedForReadersThatMapTheFile) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", example());
  const std::string bytes = testing::file_bytes(folder / "a");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  // 8-byte elements come first: 21 doubles and 1 integer, in the order given.
  const double first = std::as_const(example().tensors[3].tensor).data<double>()[0];
  const int64_t steps = 1'000'000'000'000'000;
  EXPECT_EQ(std::memcmp(bytes.data() + 8 + length, &steps, 8), 0);
  EXPECT_EQ(std::memcmp(bytes.data() + 16 + length, &first, 8), 0);
}

// The bytes are spelled out, as another writer would have made them: no checksums, no layout.
TEST(Safetensors, ReadsAFileOfAnotherProgram) {
  const testing::ScratchFolder folder;
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
      R"("s":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}  )";
  const uint64_t length = header.size();
  const float w[] = {1.5f, -2.f};
  const int64_t s = -3;
  std::string bytes(8 + header.size() + 16, '\0');
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  std::memcpy(bytes.data() + 8 + header.size(), w, 8);
  std::memcpy(bytes.data() + 16 + header.size(), &s, 8);
  testing::put_file(folder / "a", bytes);
  const TensorFile got = read_safetensors(folder / "a");
  EXPECT_EQ(got.layout, "");
  EXPECT_EQ(got.metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(got.tensors.size(), 2u);
  EXPECT_EQ(got.tensors[0].tensor.to_doubles(), (std::vector<double>{1.5, -2}));
  EXPECT_EQ(got.tensors[1].tensor.shape(), Shape{});
  EXPECT_EQ(got.tensors[1].tensor.item(), -3);
}

// Types without a Dtype of their own; the bits are those of IEEE 754 binary16 and of bfloat16.
TEST(Safetensors, NarrowTypesAreConverted) {
  const testing::ScratchFolder folder;
  const auto write = [&](const std::string& type, const std::string& shape,
                         const std::string& values) {
    const std::string header = R"({"w":{"dtype":")" + type + R"(","shape":)" + shape +
                               R"(,"data_offsets":[0,)" + std::to_string(values.size()) + "]}}";
    const uint64_t length = header.size();
    testing::put_file(folder / "a",
                      std::string(reinterpret_cast<const char*>(&length), 8) + header + values);
    return read_safetensors(folder / "a").tensors.at(0).tensor;
  };
  const auto expect = [&](const Tensor& got, Dtype dtype, const std::vector<double>& values) {
    EXPECT_EQ(got.dtype(), dtype);
    EXPECT_EQ(got.to_doubles(), values);
  };
  expect(write("F16", "[3]", std::string("\x00\x3C\x00\xC1\x01\x00", 6)), Dtype::f32,
         {1, -2.5, 0x1p-24});
  expect(write("BF16", "[2]", std::string("\xC0\x3F\x80\xC0", 4)), Dtype::f32, {1.5, -4});
  expect(write("I16", "[2]", std::string("\xD4\xFE\x02\x01", 4)), Dtype::i32, {-300, 258});
  expect(write("I8", "[2]", "\xFF\x7F"), Dtype::i32, {-1, 127});
  expect(write("BOOL", "[3]", std::string("\x00\x01\x05", 3)), Dtype::u8, {0, 1, 1});

  // More than one piece of the reader's buffer.
  std::string ones;
  for (int i = 0; i < 700'000; ++i) ones += std::string("\x00\x3C", 2);
  ones.replace(ones.size() - 2, 2, std::string("\x00\x40", 2));
  std::vector<double> expected(700'000, 1);
  expected.back() = 2;
  expect(write("F16", "[700000]", ones), Dtype::f32, expected);
}

TEST(Safetensors, EveryFlippedBitIsNoticed) {
  const testing::ScratchFolder folder;
  const TensorFile small{{{"w", random({3}, Dtype::f32)}, {"b", random({3}, Dtype::u8)}},
                         {{"epoch", "1"}}};
  write_safetensors(folder / "a", small);
  const std::string good = testing::file_bytes(folder / "a");
  testing::put_file(folder / "b", good);
  std::fstream file(folder / "b", std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte).flush();
  };
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      put(at, static_cast<char>(good[at] ^ (1 << bit)));
      EXPECT_NE(error_of(folder / "b"), "no error") << "byte " << at << ", bit " << bit;
    }
    put(at, good[at]);
  }
  EXPECT_EQ(error_of(folder / "b"), "no error");
}

TEST(Safetensors, AFileThatEndsEarlyIsNoticedAtEveryByte) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", {{{"w", random({3}, Dtype::f32)}}, {}});
  const std::string good = testing::file_bytes(folder / "a");
  for (size_t size = 0; size < good.size(); ++size) {
    testing::put_file(folder / "b", good.substr(0, size));
    EXPECT_THAT(error_of(folder / "b"), HasSubstr((folder / "b").string())) << size;
  }
  testing::put_file(folder / "b", good + '\0');
  EXPECT_NE(error_of(folder / "b"), "no error");
}

TEST(Safetensors, ADamagedTensorIsNamed) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", example());
  std::string bytes = testing::file_bytes(folder / "a");
  bytes.back() ^= 1;  // the narrowest elements come last
  testing::put_file(folder / "a", bytes);
  EXPECT_THAT(error_of(folder / "a"), AllOf(HasSubstr("\"labels\""), HasSubstr("damaged")));
  EXPECT_EQ(read_safetensors_metadata(folder / "a"), example().metadata);  // values are not read
}

TEST(Safetensors, WhatCannotBeReadBackIsNotWritten) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", example());
  const Tensor x = random({2}, Dtype::f32);
  const auto refused = [&](const TensorFile& contents) -> std::string {
    try {
      write_safetensors(folder / "a", contents);
    } catch (const CheckpointError& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(refused({{{"w", x}, {"w", x}}, {}}), HasSubstr("\"w\": the name is taken"));
  EXPECT_THAT(refused({{{"__metadata__", x}}, {}}), HasSubstr("taken"));
  EXPECT_THAT(refused({{{"w", Tensor()}}, {}}), HasSubstr("undefined"));
  EXPECT_THAT(refused({{{"w\xFF", x}}, {}}), HasSubstr("UTF-8"));
  EXPECT_THAT(refused({{}, {{"key", "\xFF"}}}), HasSubstr("UTF-8"));
  EXPECT_THAT(refused({{}, {{"pixelgrad.layout", "NCHW"}}}), HasSubstr("pixelgrad.layout"));
  EXPECT_THAT(refused({{{"w", Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}, Dtype::u8)}}, {}}),
              HasSubstr("8 dimensions"));
  EXPECT_THAT(refused({{}, {{"key", std::string(5 << 20, 'x')}}}), HasSubstr("4194304"));
  expect_equal(read_safetensors(folder / "a"), example());
}

TEST(Safetensors, AFullDiskKeepsTheOldFile) {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", example());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(write_safetensors(folder / "a", {{{"large", random({10000}, Dtype::f64)}}, {}}),
               Error);
  setrlimit(RLIMIT_FSIZE, &before);
  expect_equal(read_safetensors(folder / "a"), example());
  EXPECT_EQ(folder.files(), 1);
}

}  // namespace
}  // namespace pixelgrad
