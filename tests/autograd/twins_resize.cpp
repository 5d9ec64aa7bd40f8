#include "autograd/op_cases/arguments.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_upsample.h"

namespace pixelgrad {
namespace {

using naive::Array;

Array upsample(const Array& x, int64_t height, int64_t width, const UpsampleSpec& spec) {
  switch (spec.mode) {
    case UpsampleMode::nearest:
      return naive::upsample_nearest(x, height, width);
    case UpsampleMode::bilinear:
      return naive::upsample_bilinear(x, height, width, spec.align_corners);
    case UpsampleMode::bicubic:
      return naive::upsample_bicubic(x, height, width, spec.align_corners);
  }
  throw Error("no such mode");
}

}  // namespace

Twins resize_twins() {
  return {
      {"upsample",
       [](const std::vector<Array>& in, const std::any& arguments) {
         const auto& a = std::any_cast<const UpsampleArguments&>(arguments);
         return upsample(in[0], a.height, a.width, a.spec);
       }},
      {"upsample_scale",
       [](const std::vector<Array>& in, const std::any& arguments) {
         const auto& a = std::any_cast<const UpsampleScaleArguments&>(arguments);
         return upsample(in[0], a.factor * in[0].size(1), a.factor * in[0].size(2), a.spec);
       }},
  };
}

}  // namespace pixelgrad
