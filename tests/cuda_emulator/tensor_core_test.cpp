// Matrix products and loads of the tensor cores, asynchronous copies, and bank conflicts.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <bit>
#include <cmath>
#include <random>

#include "tests/cuda_emulator/kernels/tensor_core.h"
#include "tests/cuda_emulator/test_support.h"

namespace emulated {
namespace {

/// Bits of a number as an element type has them.
uint32_t bits_of(Mma kind, float x) {
  if (kind == Mma::m16n8k8_tf32) return std::bit_cast<uint32_t>(x);
  if (kind == Mma::m16n8k8_f16 || kind == Mma::m16n8k16_f16) return __half(x).bits();
  return __nv_bfloat16(x).bits();
}

/// Puts matrices into fragments with the tables of the PTX ISA, computes, and compares with a naive
/// product. `noise` is what tf32 must ignore.
template <Mma kind, int k, int packed>
void expect_product(uint32_t noise = 0) {
  constexpr int na = 16 * k / 32 / packed, nb = 8 * k / 32 / packed;
  std::mt19937 random(k + packed);
  const auto whole = [&] { return static_cast<float>(static_cast<int>(random() % 17) - 8); };
  float a[16][k], b[k][8], c[16][8];
  for (auto& row : a)
    for (float& x : row) x = whole();
  for (auto& row : b)
    for (float& x : row) x = whole();
  for (auto& row : c)
    for (float& x : row) x = whole();

  std::vector<uint32_t> fragments_a(32 * na, 0), fragments_b(32 * nb, 0);
  std::vector<float> fragments_c(32 * 4);
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane >> 2, in_group = lane % 4;
    // Elements a0, a1, ... of the documentation, `packed` to a register.
    for (int i = 0; i < na * packed; ++i) {
      int row, column;
      if (kind == Mma::m16n8k8_tf32) {
        row = i == 0 || i == 2 ? group : group + 8;
        column = i < 2 ? in_group : in_group + 4;
      } else if (k == 8) {
        row = i < 2 ? group : group + 8;
        column = in_group * 2 + (i & 1);
      } else {
        row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
        column = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
      }
      fragments_a[static_cast<size_t>(lane * na + i / packed)] |=
          (bits_of(kind, a[row][column]) | noise) << (16 * (i % packed));
    }
    for (int i = 0; i < nb * packed; ++i) {
      const int row = kind == Mma::m16n8k8_tf32 ? in_group + 4 * i
                      : k == 8                  ? in_group * 2 + i
                                                : in_group * 2 + (i & 1) + (i < 2 ? 0 : 8);
      fragments_b[static_cast<size_t>(lane * nb + i / packed)] |=
          (bits_of(kind, b[row][group]) | noise) << (16 * (i % packed));
    }
    for (int i = 0; i < 4; ++i)
      fragments_c[static_cast<size_t>(lane * 4 + i)] =
          c[i < 2 ? group : group + 8][in_group * 2 + (i & 1)];
  }

  DeviceArray<uint32_t> device_a(fragments_a), device_b(fragments_b);
  DeviceArray<float> device_c(fragments_c), device_d(32 * 4);
  expect_success(launch({1, 32}, multiply_fragments<kind, na, nb>, device_a.data(), device_b.data(),
                        device_c.data(), device_d.data()));
  const std::vector<float> d = device_d.values();
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      const int row = (lane >> 2) + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
      float expected = c[row][column];
      for (int l = 0; l < k; ++l) expected += a[row][l] * b[l][column];
      ASSERT_EQ(d[static_cast<size_t>(lane * 4 + i)], expected)
          << "row " << row << " column " << column;
    }
}

TEST(TensorCore, Products) {
  expect_product<Mma::m16n8k8_tf32, 8, 1>();
  expect_product<Mma::m16n8k8_tf32, 8, 1>(0x1FFF);
  expect_product<Mma::m16n8k8_bf16, 8, 2>();
  expect_product<Mma::m16n8k8_f16, 8, 2>();
  expect_product<Mma::m16n8k16_bf16, 16, 2>();
  expect_product<Mma::m16n8k16_f16, 16, 2>();
}

TEST(TensorCore, AProductNeedsTheWholeWarp) {
  DeviceArray<uint32_t> a(std::vector<uint32_t>(128, 0)), b(std::vector<uint32_t>(64, 0));
  DeviceArray<float> c(std::vector<float>(128, 0)), d(128);
  EXPECT_THAT(kernel_error([&] {
                launch({1, 31}, multiply_fragments<Mma::m16n8k8_tf32, 4, 2>, a.data(), b.data(),
                       c.data(), d.data());
              }),
              testing::HasSubstr("threads 0-30 at mma.m16n8k8.tf32 with mask 0xFFFFFFFF"));
}

/// Element (row, column) of matrix i is 64 i + 8 row + column.
template <int count, bool transposed>
void expect_loaded() {
  std::vector<uint16_t> matrices(static_cast<size_t>(count * 64));
  for (size_t i = 0; i < matrices.size(); ++i) matrices[i] = static_cast<uint16_t>(i);
  DeviceArray<uint16_t> in(matrices);
  DeviceArray<uint32_t> out(32 * count);
  expect_success(launch({1, 32}, load_fragments<count, transposed>, in.data(), out.data(), 8));
  const std::vector<uint32_t> registers = out.values();
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < count; ++i)
      for (int part = 0; part < 2; ++part) {
        // Four lanes hold a row, two elements each; transposed, a column.
        const int major = lane / 4, minor = lane % 4 * 2 + part;
        const int row = transposed ? minor : major, column = transposed ? major : minor;
        ASSERT_EQ(registers[static_cast<size_t>(lane * count + i)] >> (16 * part) & 0xFFFFu,
                  static_cast<uint32_t>(64 * i + 8 * row + column));
      }
}

TEST(TensorCore, Loads) {
  expect_loaded<1, false>();
  expect_loaded<1, true>();
  expect_loaded<2, false>();
  expect_loaded<2, true>();
  expect_loaded<4, false>();
  expect_loaded<4, true>();
}

TEST(TensorCore, LoadsNeedAlignedRows) {
  DeviceArray<uint16_t> in(std::vector<uint16_t>(128, 0));
  DeviceArray<uint32_t> out(32);
  EXPECT_THAT(
      kernel_error([&] {
        launch({1, 32}, load_fragments<1, false>, in.data(), out.data(), 12);
      }),
      testing::HasSubstr("thread (1,0,0) calls ldmatrix with an address that is no multiple"));
}

TEST(AsyncCopy, ArrivesAtTheWaitAndNotBefore) {
  std::vector<float> tiles(64);
  for (size_t i = 0; i < 64; ++i) tiles[i] = static_cast<float>(i);
  DeviceArray<float> in(tiles), out(32);
  expect_success(launch({1, 32}, sum_tiles<true>, in.data(), out.data()));
  std::vector<float> sums(32);
  for (size_t i = 0; i < 32; ++i) sums[i] = static_cast<float>(31 - i + 63 - i);
  EXPECT_EQ(out.values(), sums);
  expect_success(launch({1, 32}, sum_tiles<false>, in.data(), out.data()));
  for (const float sum : out.values()) EXPECT_TRUE(std::isnan(sum));
}

template <int bytes>
void expect_copied() {
  std::vector<unsigned char> source(bytes);
  for (size_t i = 0; i < bytes; ++i) source[i] = static_cast<unsigned char>(i + 1);
  for (const unsigned part : {0, 3, bytes}) {
    DeviceArray<unsigned char> in(source), out(bytes);
    expect_success(launch({1, 1}, copy_part<bytes>, in.data(), out.data(), part));
    std::vector<unsigned char> expected(bytes, 0);
    std::copy_n(source.begin(), part, expected.begin());
    EXPECT_EQ(out.values(), expected);
  }
}

TEST(AsyncCopy, FillsWithZero) {
  expect_copied<4>();
  expect_copied<8>();
  expect_copied<16>();
}

TEST(AsyncCopy, WrongArguments) {
  DeviceArray<unsigned char> in(std::vector<unsigned char>(32, 1)), out(16);
  EXPECT_THAT(kernel_error([&] {
                launch({1, 1}, copy_part<16>, in.data() + 8, out.data(), 16u);
              }),
              testing::HasSubstr("copies 16 bytes asynchronously, and the source is no multiple"));
  EXPECT_THAT(kernel_error([&] {
                launch({1, 1}, copy_part<16>, in.data(), out.data(), 17u);
              }),
              testing::HasSubstr("copies 17 of 16 bytes"));
}

template <class T, int elements>
uint64_t conflicts(int stride, int active = 32) {
  DeviceArray<T> out(32);
  emulator::reset_bank_conflicts();
  expect_success(launch({1, 32}, read_strided<T, elements>, out.data(), stride, active));
  return emulator::bank_conflicts();
}

TEST(BankConflicts, OfStrides) {
  // Lane i reads word i * stride: 32 / gcd(stride, 32) banks take part.
  EXPECT_EQ((conflicts<float, 1056>(1)), 0u);
  EXPECT_EQ((conflicts<float, 1056>(0)), 0u);  // one word for all
  EXPECT_EQ((conflicts<float, 1056>(2)), 1u);
  EXPECT_EQ((conflicts<float, 1056>(8)), 7u);
  EXPECT_EQ((conflicts<float, 1056>(32)), 31u);
  EXPECT_EQ((conflicts<float, 1056>(33)), 0u);
  EXPECT_EQ((conflicts<float, 1056>(32, 5)), 4u);
  // Halves of 16 lanes, two words each.
  EXPECT_EQ((conflicts<float2, 1056>(1)), 0u);
  EXPECT_EQ((conflicts<float2, 1056>(2)), 2u);
  EXPECT_EQ((conflicts<float2, 1056>(16)), 30u);
  // Quarters of 8 lanes, four words each.
  EXPECT_EQ((conflicts<float4, 1056>(1)), 0u);
  EXPECT_EQ((conflicts<float4, 1056>(2)), 4u);
  EXPECT_EQ((conflicts<float4, 1056>(8)), 28u);
  EXPECT_EQ((conflicts<float4, 1056>(9)), 0u);
}

TEST(BankConflicts, OfMatrixLoads) {
  const auto of_rows = [](int row_elements) {
    DeviceArray<uint16_t> in(std::vector<uint16_t>(4 * 8 * 64, 0));
    DeviceArray<uint32_t> out(128);
    emulator::reset_bank_conflicts();
    expect_success(launch({1, 32}, load_fragments<4, false>, in.data(), out.data(), row_elements));
    return emulator::bank_conflicts();
  };
  EXPECT_EQ(of_rows(8), 0u);    // rows one behind another: 8 of 16 bytes are 32 banks
  EXPECT_EQ(of_rows(64), 28u);  // 128 bytes apart: all rows of a matrix in the same banks
  EXPECT_EQ(of_rows(40), 0u);   // 80 bytes apart
  EXPECT_EQ(of_rows(32), 12u);  // 64 bytes apart: two places for eight rows
}

}  // namespace
}  // namespace emulated
