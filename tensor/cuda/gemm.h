#pragma once
#include <cstdint>

#include "tensor/kernels/conv2d.h"

namespace pixelgrad::cuda {

/// A matrix that is stored row by row.
struct Matrix {
  const float* values;
  int64_t row;              ///< values from one row, as it is stored, to the next
  bool transposed = false;  ///< what is multiplied is the transposed matrix
};

/// c = a b + beta c by cuBLAS, where a is [m, k], b [k, n] and c [m, n], stored with c_row values
/// from one row to the next. Multiplicands are rounded to f32 or tf32. cuBLAS gives the same bits
/// in every run on GPUs of one kind, because it has one stream and memory of ours to work in (its
/// manual, "Results reproducibility"). Errors name `op`.
void gemm(const char* op, kernels::Precision precision, int64_t m, int64_t n, int64_t k,
          const Matrix& a, const Matrix& b, float beta, float* c, int64_t c_row);

}  // namespace pixelgrad::cuda
