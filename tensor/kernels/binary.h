#pragma once
#include <cstdint>

#include "tensor/kernels/broadcast.h"

// Functions of two numbers, applied to two arrays that broadcast to one shape. The formulas,
// forward and backward side by side, are in tensor/kernels/binary-inl.h.
namespace pixelgrad::kernels {

enum class BinaryOp { add, sub, mul, div, pow };
enum class Side { left, right };

/// What the gradient of one side reads, beside that of the output.
struct BinaryReads {
  bool left = false, right = false, output = false;
};
constexpr BinaryReads backward_reads(BinaryOp op, Side side) {
  switch (op) {
    case BinaryOp::add:
    case BinaryOp::sub:
      return {};
    case BinaryOp::mul:
      return side == Side::left ? BinaryReads{.right = true} : BinaryReads{.left = true};
    case BinaryOp::div:
      return side == Side::left ? BinaryReads{.right = true}
                                : BinaryReads{.right = true, .output = true};
    case BinaryOp::pow:
      return side == Side::left ? BinaryReads{.left = true, .right = true}
                                : BinaryReads{.left = true, .right = true, .output = true};
  }
  return {};
}

/// y[i] = a[i] op b[i] for i < n, the number that both operands stand for; y may be one of them
/// where that is whole.
template <Device D, class T>
void binary_forward(BinaryOp op, int64_t n, const Operand<T>& a, const Operand<T>& b, T* y);

/// dx[i] = the gradient of side `side` for each of the n outputs, before it is summed over what was
/// repeated. Operands and y that the gradient does not read may be absent; dx may be dy.
template <Device D, class T>
void binary_backward(BinaryOp op, Side side, int64_t n, const Operand<T>& a, const Operand<T>& b,
                     const T* y, const T* dy, T* dx);

/// y[i] = condition[i] ? a[i] : b[i]
template <Device D, class T>
void where(int64_t n, const Operand<uint8_t>& condition, const Operand<T>& a, const Operand<T>& b,
           T* y);

}  // namespace pixelgrad::kernels
