// Ops that move values: upsample, concat, reshape, crop2d, sum, mean.
#include "autograd/ops/shape.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/concat.h"
#include "autograd/ops/reduce.h"
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

OpCase concat_case() {
  const auto all = [](const std::vector<Tensor>& in) { return concat(in); };
  OpCase op;
  op.name = "concat";
  op.inputs = {"a", "b", "c"};
  op.linear = true;
  op.samples = {
      {"one tensor", normals({{1, 1, 1, 1}}), all},
      {"one channel each", normals({{2, 3, 2, 1}, {2, 3, 2, 1}}), all},
      {"3 and 17 channels", normals({{1, 3, 5, 3}, {1, 3, 5, 17}}), all},
      {"three tensors", normals({{2, 2, 3, 2}, {2, 2, 3, 1}, {2, 2, 3, 5}}), all},
      {"a tensor with itself", normals({{1, 2, 3, 2}}),
       [](const std::vector<Tensor>& in) {
         return concat({in[0], in[0]});
       }},
      {"several tiles", normals({{2, 33, 35, 9}, {2, 33, 35, 8}}), all},
  };
  op.errors = {
      {"nothing", [] { concat({}); }, "[concat]"},
      {"other sizes",
       [] {
         concat({zeros({1, 4, 4, 3}), zeros({1, 4, 5, 3})});
       },
       "[1,4,5,3]"},
      {"mixed dtypes",
       [] {
         concat({zeros({1, 4, 4, 3}), Tensor::zeros({1, 4, 4, 3}, Dtype::f32)});
       },
       "f32"},
  };
  return op;
}

OpCase reduction(std::string name, Tensor (*call)(const Tensor&)) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x"};
  op.linear = true;
  const std::vector<std::pair<std::string, Shape>> shapes = {{"a scalar", {}},
                                                             {"one value", {1}},
                                                             {"3 channels", {2, 3, 5, 3}},
                                                             {"several tiles", {3, 65, 67, 5}}};
  for (const auto& [what, shape] : shapes)
    op.samples.push_back(
        {what, normals({shape}), [call](const std::vector<Tensor>& in) { return call(in[0]); }});
  op.errors = {
      {"labels",
       [call] {
         call(Tensor::zeros({2, 2}, Dtype::i32));
       },
       "i32"},
      {"undefined", [call] { call(Tensor()); }, "undefined"},
  };
  return op;
}

OpCase reshape_case() {
  const auto to = [](Shape shape) {
    return [shape](const std::vector<Tensor>& in) { return reshape(in[0], shape); };
  };
  OpCase op;
  op.name = "reshape";
  op.inputs = {"x"};
  op.linear = true;
  op.samples = {
      {"one value to a scalar", normals({{1}}), to({})},
      {"flat", normals({{2, 3, 5, 3}}), to({90})},
      {"same shape", normals({{2, 3}}), to({2, 3})},
      {"17 channels", normals({{2, 2, 3, 17}}), to({12, 17})},
  };
  op.errors = {
      {"other number of elements",
       [] {
         reshape(zeros({2, 3}), {4});
       },
       "[2,3]"},
      {"negative size",
       [] {
         reshape(zeros({2, 3}), {-2, -3});
       },
       "-2"},
  };
  return op;
}

OpCase crop2d_case() {
  const auto to = [](int64_t top, int64_t left, int64_t h, int64_t w) {
    return [=](const std::vector<Tensor>& in) { return crop2d(in[0], top, left, h, w); };
  };
  OpCase op;
  op.name = "crop2d";
  op.inputs = {"x"};
  op.linear = true;
  op.samples = {
      {"one pixel", normals({{1, 1, 1, 1}}), to(0, 0, 1, 1)},
      {"top left", normals({{2, 4, 5, 3}}), to(0, 0, 2, 3)},
      {"bottom right", normals({{2, 4, 5, 17}}), to(2, 1, 2, 4)},
      {"middle", normals({{1, 5, 6, 2}}), to(1, 2, 3, 2)},
  };
  op.errors = {
      {"beyond the edge",
       [] {
         crop2d(zeros({1, 4, 4, 3}), 2, 0, 3, 4);
       },
       "[1,4,4,3]"},
      {"negative corner",
       [] {
         crop2d(zeros({1, 4, 4, 3}), -1, 0, 3, 4);
       },
       "-1"},
  };
  return op;
}

OpCase center_crop2d_case() {
  const auto to = [](int64_t h, int64_t w) {
    return [=](const std::vector<Tensor>& in) { return center_crop2d(in[0], h, w); };
  };
  OpCase op;
  op.name = "center_crop2d";
  op.inputs = {"x"};
  op.linear = true;
  op.samples = {
      {"one pixel", normals({{1, 1, 1, 1}}), to(1, 1)},
      {"even margin", normals({{2, 4, 5, 3}}), to(2, 3)},
      {"odd margin", normals({{1, 5, 6, 2}}), to(2, 3)},
      {"17 channels", normals({{1, 3, 4, 17}}), to(1, 2)},
  };
  op.errors = {
      {"larger than the image",
       [] {
         center_crop2d(zeros({1, 4, 4, 3}), 5, 4);
       },
       "[1,4,4,3]"},
      {"three dimensions",
       [] {
         center_crop2d(zeros({4, 4, 3}), 2, 2);
       },
       "[4,4,3]"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> shape_cases() {
  return {upsample_case(),
          upsample_scale_case(),
          concat_case(),
          reduction("sum", [](const Tensor& x) { return sum(x); }),
          reduction("mean", [](const Tensor& x) { return mean(x); }),
          reshape_case(),
          crop2d_case(),
          center_crop2d_case()};
}

}  // namespace pixelgrad
