// Ops that change the size of images by interpolation.
#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/upsample.h"

namespace pixelgrad {
namespace {

constexpr UpsampleSpec nearest{.mode = UpsampleMode::nearest};
constexpr UpsampleSpec linear{.mode = UpsampleMode::bilinear};
constexpr UpsampleSpec linear_corners{.mode = UpsampleMode::bilinear, .align_corners = true};
constexpr UpsampleSpec cubic{.mode = UpsampleMode::bicubic};
constexpr UpsampleSpec cubic_corners{.mode = UpsampleMode::bicubic, .align_corners = true};

OpSample resized(std::string name, Shape x, int64_t h, int64_t w, UpsampleSpec spec) {
  return {std::move(name), normals({std::move(x)}),
          [=](const std::vector<Tensor>& in) { return upsample(in[0], h, w, spec); },
          UpsampleArguments{h, w, spec}};
}

OpSample scaled(std::string name, Shape x, int64_t factor, UpsampleSpec spec) {
  return {std::move(name), normals({std::move(x)}),
          [=](const std::vector<Tensor>& in) { return upsample_scale(in[0], factor, spec); },
          UpsampleScaleArguments{factor, spec}};
}

OpCase upsample_case() {
  OpCase op;
  op.name = "upsample";
  op.inputs = {"x"};
  op.linear = true;
  op.saved_bytes = saves_nothing;
  op.samples = {
      resized("nearest, one pixel spread", {1, 1, 1, 3}, 2, 3, nearest),
      resized("nearest", {1, 3, 4, 17}, 7, 8, nearest),
      resized("nearest, smaller", {1, 7, 5, 2}, 3, 4, nearest),
      resized("bilinear, one pixel spread", {1, 1, 1, 1}, 3, 4, linear),
      resized("bilinear, twice the size", {2, 3, 4, 3}, 6, 8, linear),
      resized("bilinear, odd ratio", {1, 3, 5, 2}, 7, 8, linear),
      resized("bilinear, smaller", {1, 7, 8, 2}, 3, 5, linear),
      resized("bilinear, same size", {1, 3, 4, 2}, 3, 4, linear),
      resized("bilinear, to one pixel", {1, 4, 5, 1}, 1, 1, linear),
      resized("bilinear, aligned corners, one pixel spread", {1, 1, 1, 3}, 5, 2, linear_corners),
      resized("bilinear, aligned corners, twice the size", {1, 3, 4, 17}, 6, 8, linear_corners),
      resized("bilinear, aligned corners, one axis smaller", {1, 5, 3, 2}, 8, 2, linear_corners),
      resized("bilinear, aligned corners, to one pixel", {1, 4, 5, 1}, 1, 1, linear_corners),
      resized("bicubic, one pixel spread", {1, 1, 1, 2}, 3, 4, cubic),
      resized("bicubic, twice the size", {2, 3, 4, 3}, 6, 8, cubic),
      resized("bicubic, odd ratio", {1, 5, 6, 2}, 7, 11, cubic),
      resized("bicubic, smaller", {1, 9, 8, 2}, 3, 5, cubic),
      resized("bicubic, same size", {1, 3, 4, 17}, 3, 4, cubic),
      resized("bicubic, aligned corners", {1, 5, 4, 3}, 8, 7, cubic_corners),
      resized("bicubic, aligned corners, smaller", {1, 7, 9, 1}, 4, 1, cubic_corners),
      resized("nearest, several tiles", {1, 17, 19, 9}, 65, 67, nearest),
      resized("bilinear, several tiles", {1, 17, 19, 9}, 65, 67, linear),
      resized("bicubic, several tiles", {1, 17, 19, 9}, 65, 67, cubic),
  };
  op.errors = {
      {"no rows",
       [=] {
         upsample(zeros({1, 3, 3, 2}), 0, 4, linear);
       },
       "[upsample] from [1,3,3,2] to 0 x 4, expected sizes of at least 1"},
      {"an empty image",
       [=] {
         upsample(zeros({1, 3, 0, 2}), 4, 4, cubic);
       },
       "from [1,3,0,2] to 4 x 4"},
      {"three dimensions",
       [=] {
         upsample(zeros({3, 3, 2}), 4, 4, linear);
       },
       "input is [3,3,2], expected [N,H,W,C]"},
      {"aligned corners of nearest",
       [] {
         upsample(zeros({1, 2, 2, 1}), 4, 4, {.align_corners = true});
       },
       "align_corners is set, but the mode is nearest, expected bilinear or bicubic"},
  };
  return op;
}

OpCase upsample_scale_case() {
  OpCase op;
  op.name = "upsample_scale";
  op.inputs = {"x"};
  op.linear = true;
  op.saved_bytes = saves_nothing;
  op.samples = {
      scaled("one pixel", {1, 1, 1, 1}, 2, linear),
      scaled("by 1", {1, 3, 2, 3}, 1, linear),
      scaled("nearest by 2, 17 channels", {1, 2, 3, 17}, 2, nearest),
      scaled("nearest by 3", {2, 3, 2, 1}, 3, nearest),
      scaled("bilinear by 3", {2, 3, 4, 3}, 3, linear),
      scaled("bilinear by 2, aligned corners", {1, 4, 3, 2}, 2, linear_corners),
      scaled("bicubic by 2", {1, 3, 4, 3}, 2, cubic),
      scaled("bicubic by 4, aligned corners", {1, 2, 3, 2}, 4, cubic_corners),
      scaled("several tiles", {1, 19, 23, 9}, 3, linear),
  };
  op.errors = {
      {"factor 0",
       [] {
         upsample_scale(zeros({1, 3, 3, 2}), 0);
       },
       "[upsample_scale] factor is 0, expected at least 1"},
      {"three dimensions",
       [] {
         upsample_scale(zeros({3, 3, 2}), 2);
       },
       "input is [3,3,2], expected [N,H,W,C]"},
      {"labels",
       [] {
         upsample_scale(Tensor::zeros({1, 3, 3, 2}, Dtype::i32), 2);
       },
       "input holds i32, expected f32, f64 or bf16"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> resize_cases() { return {upsample_case(), upsample_scale_case()}; }

}  // namespace pixelgrad
