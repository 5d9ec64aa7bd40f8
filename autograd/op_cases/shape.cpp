// Ops that move values: concat, reshape, crop2d.
#include "autograd/ops/shape.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/concat.h"

namespace pixelgrad {
namespace {

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
  return {concat_case(), reshape_case(), crop2d_case(), center_crop2d_case()};
}

}  // namespace pixelgrad
