#include "autograd/op_cases/arguments.h"
#include "autograd/ops/pad.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_shape.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Arrays = std::vector<Array>;

Array concat(const Arrays& in, const std::any& arguments) {
  const auto& a = std::any_cast<const ConcatArguments&>(arguments);
  return naive::concat(a.twice ? Arrays{in[0], in[0]} : in, a.axis);
}

Array reshape(const Arrays& in, const std::any& arguments) {
  Array y(std::any_cast<const Shape&>(arguments));
  y.values = in[0].values;
  return y;
}

Array permute(const Arrays& in, const std::any& arguments) {
  return naive::permute(in[0], std::any_cast<const std::vector<int>&>(arguments));
}

Array slice(const Arrays& in, const std::any& arguments) {
  const auto& a = std::any_cast<const SliceArguments&>(arguments);
  return naive::slice(in[0], a.axis, a.start, a.stop, a.step);
}

Array crop(const Arrays& in, const std::any& arguments) {
  const auto& a = std::any_cast<const CropArguments&>(arguments);
  return naive::crop(in[0], a.top, a.left, a.height, a.width);
}

/// As much cut off on either side; of an odd margin one pixel more at the bottom and on the right.
Array center_crop(const Arrays& in, const std::any& arguments) {
  const auto& a = std::any_cast<const SizeArguments&>(arguments);
  int64_t top = 0, left = 0;
  while (2 * (top + 1) + a.height <= in[0].size(1)) ++top;
  while (2 * (left + 1) + a.width <= in[0].size(2)) ++left;
  return naive::crop(in[0], top, left, a.height, a.width);
}

Array pixel_shuffle(const Arrays& in, const std::any& arguments) {
  return naive::pixel_shuffle(in[0], std::any_cast<int64_t>(arguments));
}

Array pad(const Arrays& in, const std::any& arguments) {
  const auto& s = std::any_cast<const Pad2dSpec&>(arguments);
  const naive::Border border = s.mode == PadMode::constant  ? naive::Border::constant
                               : s.mode == PadMode::reflect ? naive::Border::reflect
                                                            : naive::Border::replicate;
  return naive::pad(in[0], s.left, s.right, s.top, s.bottom, border, s.value);
}

}  // namespace

Twins shape_twins() {
  return {
      {"concat", concat},   {"reshape", reshape},
      {"permute", permute}, {"slice", slice},
      {"crop2d", crop},     {"center_crop2d", center_crop},
      {"pad2d", pad},       {"pixel_shuffle", pixel_shuffle},
  };
}

}  // namespace pixelgrad
