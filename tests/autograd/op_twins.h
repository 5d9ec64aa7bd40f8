#pragma once
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "tests/reference/naive_array.h"

namespace pixelgrad {

/// One way to call a differentiable op, and its naive twin. (autograd/op_cases.h has the table that
/// the gradient checks run over.)
struct OpTwin {
  std::string name;           ///< the op's function, then what is special: "max_pool2d/dilated"
  std::vector<Shape> shapes;  ///< of the differentiable inputs: odd sizes, a handful of values
  std::vector<Shape> large_shapes;  ///< enough values that the kernels cut them into tiles
  /// The op, for f32 and f64 inputs.
  std::function<Tensor(const std::vector<Tensor>&)> op;
  std::function<naive::Array(const std::vector<naive::Array>&)> naive;
  /// Bytes that the graph keeps for the backward, of f32, beyond the output that the caller holds:
  /// of inputs that a closure holds on to, masks, statistics.
  std::function<int64_t(const std::vector<Shape>& inputs, const Shape& output)> keeps;
};

inline void PrintTo(const OpTwin& c, std::ostream* out) { *out << c.name; }

/// Inputs of a twin: normal numbers that depend on the shapes alone.
std::vector<Tensor> random_inputs(const std::vector<Shape>& shapes, Dtype dtype);

/// Labels in [0, classes), about one in eight of them `ignore`.
Tensor random_labels(const Shape& shape, int64_t classes, int32_t ignore = 255);

std::vector<OpTwin> loss_twins();  ///< batch norm, softmax, losses
std::vector<OpTwin> all_op_twins();

// For OpTwin::keeps.
inline constexpr auto nothing = [](const std::vector<Shape>&, const Shape&) -> int64_t {
  return 0;
};

}  // namespace pixelgrad
