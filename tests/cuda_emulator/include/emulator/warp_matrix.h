#pragma once
// Twins of the tensor cores' instructions, called by all 32 lanes of a warp with fragments laid out
// as the PTX ISA has it ("Matrix Fragments for mma...", "ldmatrix").
//
// In what follows g = lane / 4 and t = lane % 4. D (16 x 8) = A (16 x k) B (k x 8) + C; lane holds
// of C and D: [0], [1] row g, columns 2t and 2t + 1; [2], [3] the same of row g + 8.
#include <emulator/async_copy.h>
#include <emulator/warp.h>

#include <cstdint>

namespace emulator {

// Products of tf32: a[r] is row g + 8 (r % 2), column t + 4 (r / 2); b[r] is row t + 4 r, column g.
// The low 13 bits of each are ignored: round before (cvt.rna.tf32). Sums are made in float, one
// product after another and rounded to nearest; a GPU's differ in the last bits.
void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      const float (&c)[4]);

// Products of bfloat16 and half, two to a register, the first in the low half: a[r] is row
// g + 8 (r % 2), columns 2t + 8 (r / 2) and the next; b[r] is rows 2t + 8 r and the next, column g.
void mma_m16n8k8_bf16(float (&d)[4], const uint32_t (&a)[2], const uint32_t (&b)[1],
                      const float (&c)[4]);
void mma_m16n8k8_f16(float (&d)[4], const uint32_t (&a)[2], const uint32_t (&b)[1],
                     const float (&c)[4]);
void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                       const float (&c)[4]);
void mma_m16n8k16_f16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      const float (&c)[4]);

namespace detail {

void load_matrices(uint32_t* registers, int count, const void* row, bool transposed);

}  // namespace detail

/// ldmatrix.x1, .x2 or .x4: loads 8 x 8 matrices of 16-bit numbers from shared memory. Lanes 8 i to
/// 8 i + 7 give the addresses, multiples of 16, of the rows of matrix i; those of other lanes are
/// not used. Register i gets of matrix i row g, columns 2t and 2t + 1; with .trans column g, rows
/// 2t and 2t + 1.
template <int count>
void ldmatrix(uint32_t (&registers)[count], const void* row) {
  static_assert(count == 1 || count == 2 || count == 4);
  detail::load_matrices(registers, count, row, false);
}
template <int count>
void ldmatrix_trans(uint32_t (&registers)[count], const void* row) {
  static_assert(count == 1 || count == 2 || count == 4);
  detail::load_matrices(registers, count, row, true);
}

}  // namespace emulator
