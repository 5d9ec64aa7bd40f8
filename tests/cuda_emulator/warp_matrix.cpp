#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <emulator/warp_matrix.h>

#include <bit>
#include <cstring>

namespace emulator {
namespace {

/// What a lane gives to a product.
struct Fragments {
  const uint32_t *a, *b;
  const float* c;
  float* d;
};

// Element types: how many k a register holds, and the value of each.
struct Tf32 {
  static constexpr int packed = 1;
  static float value(uint32_t bits, int) { return std::bit_cast<float>(bits & ~0x1FFFu); }
};
struct Bf16 {
  static constexpr int packed = 2;
  static float value(uint32_t bits, int i) {
    return __nv_bfloat16::from_bits(static_cast<uint16_t>(bits >> (16 * i)));
  }
};
struct F16 {
  static constexpr int packed = 2;
  static float value(uint32_t bits, int i) {
    return __half::from_bits(static_cast<uint16_t>(bits >> (16 * i)));
  }
};

/// D = A B + C for the fragments of 32 lanes. A register of A or B covers 4 `packed` of k.
template <class Element, int k>
void multiply(void* const operands[32], uint32_t) {
  constexpr int packed = Element::packed, step = 4 * packed;
  float a[16][k], b[k][8];
  for (int lane = 0; lane < 32; ++lane) {
    const auto& mine = *static_cast<Fragments*>(operands[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int r = 0; r < k / step; ++r)
      for (int i = 0; i < packed; ++i) {
        const int l = step * r + packed * t + i;
        a[g][l] = Element::value(mine.a[2 * r], i);
        a[g + 8][l] = Element::value(mine.a[2 * r + 1], i);
        b[l][g] = Element::value(mine.b[r], i);
      }
  }
  for (int lane = 0; lane < 32; ++lane) {
    const auto& mine = *static_cast<Fragments*>(operands[lane]);
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
      float sum = mine.c[i];
      for (int l = 0; l < k; ++l) sum += a[row][l] * b[l][column];
      mine.d[i] = sum;
    }
  }
}

constexpr uint32_t all_lanes = 0xFFFFFFFFu;

/// What a lane gives to ldmatrix.
struct Rows {
  const void* row;
  uint32_t* registers;
  int count;
  bool transposed;
};

void load(void* const operands[32], uint32_t) {
  const auto of_lane = [&](int lane) -> const Rows& { return *static_cast<Rows*>(operands[lane]); };
  for (int matrix = 0; matrix < of_lane(0).count; ++matrix) {
    uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row)
      std::memcpy(elements[row], of_lane(8 * matrix + row).row, sizeof elements[row]);
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      const bool transposed = of_lane(lane).transposed;
      const uint32_t low = transposed ? elements[2 * t][g] : elements[g][2 * t];
      const uint32_t high = transposed ? elements[2 * t + 1][g] : elements[g][2 * t + 1];
      of_lane(lane).registers[matrix] = low | high << 16;
    }
  }
}

}  // namespace

void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      const float (&c)[4]) {
  Fragments mine{a, b, c, d};
  warp_collective("mma.m16n8k8.tf32", all_lanes, &mine, multiply<Tf32, 8>);
}

void mma_m16n8k8_bf16(float (&d)[4], const uint32_t (&a)[2], const uint32_t (&b)[1],
                      const float (&c)[4]) {
  Fragments mine{a, b, c, d};
  warp_collective("mma.m16n8k8.bf16", all_lanes, &mine, multiply<Bf16, 8>);
}

void mma_m16n8k8_f16(float (&d)[4], const uint32_t (&a)[2], const uint32_t (&b)[1],
                     const float (&c)[4]) {
  Fragments mine{a, b, c, d};
  warp_collective("mma.m16n8k8.f16", all_lanes, &mine, multiply<F16, 8>);
}

void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                       const float (&c)[4]) {
  Fragments mine{a, b, c, d};
  warp_collective("mma.m16n8k16.bf16", all_lanes, &mine, multiply<Bf16, 16>);
}

void mma_m16n8k16_f16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      const float (&c)[4]) {
  Fragments mine{a, b, c, d};
  warp_collective("mma.m16n8k16.f16", all_lanes, &mine, multiply<F16, 16>);
}

namespace detail {

void load_matrices(uint32_t* registers, int count, const void* row, bool transposed) {
  Rows mine{row, registers, count, transposed};
  if (lane() < 8 * count && reinterpret_cast<uintptr_t>(row) % 16 != 0)
    fail("calls ldmatrix with an address that is no multiple of 16");
  warp_collective(transposed ? "ldmatrix.trans" : "ldmatrix", all_lanes, &mine, load);
}

}  // namespace detail
}  // namespace emulator
