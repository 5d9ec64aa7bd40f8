#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace pixelgrad {

/// Sizes of a tensor, outermost first. Images and activations are N,H,W,C; conv weights are
/// Cout,Kh,Kw,Cin. The empty shape is a scalar.
using Shape = std::vector<int64_t>;

/// Product of the sizes; 1 for a scalar. Throws Error when a size is negative or the product does
/// not fit in 63 bits.
int64_t numel(const Shape& shape);

/// "[2,32,32,5]"
std::string to_string(const Shape& shape);

}  // namespace pixelgrad
