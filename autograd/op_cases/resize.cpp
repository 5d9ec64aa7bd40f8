// Ops that change the size of images by interpolation.
#include "autograd/op_cases/internal.h"
#include "autograd/ops/upsample.h"

namespace pixelgrad {
namespace {

OpSample resized(std::string name, Shape x, int64_t h, int64_t w, UpsampleSpec spec) {
  return {std::move(name), normals({std::move(x)}),
          [=](const std::vector<Tensor>& in) { return upsample(in[0], h, w, spec); }};
}

OpCase upsample_case() {
  const UpsampleSpec corners{.mode = UpsampleMode::bilinear, .align_corners = true};
  const UpsampleSpec pixels{.mode = UpsampleMode::bilinear, .align_corners = false};
  const UpsampleSpec nearest{.mode = UpsampleMode::nearest};
  OpCase op;
  op.name = "upsample";
  op.inputs = {"x"};
  op.linear = true;
  op.samples = {
      resized("one pixel spread", {1, 1, 1, 1}, 3, 4, pixels),
      resized("one pixel spread, aligned corners", {1, 1, 1, 3}, 5, 2, corners),
      resized("twice the size", {2, 3, 4, 3}, 6, 8, pixels),
      resized("twice the size, aligned corners", {1, 3, 4, 17}, 6, 8, corners),
      resized("odd ratio", {1, 3, 5, 2}, 7, 8, pixels),
      resized("odd ratio, aligned corners", {1, 5, 3, 2}, 8, 7, corners),
      resized("smaller", {1, 7, 8, 2}, 3, 5, pixels),
      resized("same size", {1, 3, 4, 2}, 3, 4, pixels),
      resized("nearest", {1, 3, 4, 17}, 7, 8, nearest),
      resized("nearest, smaller", {1, 7, 5, 2}, 3, 4, nearest),
      resized("several tiles", {2, 17, 19, 9}, 65, 67, pixels),
  };
  op.errors = {
      {"no rows",
       [=] {
         upsample(zeros({1, 3, 3, 2}), 0, 4, pixels);
       },
       "[upsample]"},
      {"three dimensions",
       [=] {
         upsample(zeros({3, 3, 2}), 4, 4, pixels);
       },
       "[3,3,2]"},
  };
  return op;
}

OpCase upsample_scale_case() {
  const auto by = [](int64_t factor, UpsampleMode mode) {
    return [=](const std::vector<Tensor>& in) {
      return upsample_scale(in[0], factor, {.mode = mode});
    };
  };
  OpCase op;
  op.name = "upsample_scale";
  op.inputs = {"x"};
  op.linear = true;
  op.samples = {
      {"one pixel", normals({{1, 1, 1, 1}}), by(2, UpsampleMode::bilinear)},
      {"by 1", normals({{1, 3, 2, 3}}), by(1, UpsampleMode::bilinear)},
      {"by 3", normals({{2, 3, 4, 3}}), by(3, UpsampleMode::bilinear)},
      {"nearest, 17 channels", normals({{1, 2, 3, 17}}), by(2, UpsampleMode::nearest)},
  };
  op.errors = {
      {"factor 0",
       [] {
         upsample_scale(zeros({1, 3, 3, 2}), 0);
       },
       "factor is 0"},
      {"three dimensions",
       [] {
         upsample_scale(zeros({3, 3, 2}), 2);
       },
       "[3,3,2]"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> resize_cases() { return {upsample_case(), upsample_scale_case()}; }

}  // namespace pixelgrad
