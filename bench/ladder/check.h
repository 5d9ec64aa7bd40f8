#pragma once
#include <string>
#include <vector>

#include "bench/ladder/ladder.h"
#include "tensor/tensor.h"

namespace pixelgrad::ladder {

enum class Numbers {
  integers,  ///< so small that every sum is exact in f32, whatever its order
  normal
};

/// A layer with random numbers, and the memory that it lies in.
class Problem {
 public:
  Problem(const Sizes& sizes, Numbers numbers);
  const Layer& layer() const { return layer_; }

 private:
  Tensor x_, weight_, scale_, shift_, y_;
  Layer layer_;
};

/// How a rung's results compare with the naive one's.
struct Agreement {
  bool ok = true;
  double difference = 0;  ///< largest on normal numbers, as a share of the largest result, or of 1
  std::string complaint;  ///< where it is not ok: one line that names an element
};

/// Compares rungs with the naive one at one size. It does not agree if a single result differs on
/// integers, or on normal numbers by more than n rounding errors of the largest result (or of 1), n
/// being the number of products in a sum.
class Checker {
 public:
  explicit Checker(const Sizes& sizes);
  Agreement operator()(const Rung& rung) const;
  /// On normal numbers.
  const Layer& layer() const { return normal_.layer(); }

 private:
  Problem integers_, normal_;
  std::vector<float> expected_integers_, expected_normal_;
};

}  // namespace pixelgrad::ladder
