// Ops that move values.
#include "autograd/ops/shape.h"

#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/concat.h"
#include "autograd/ops/pad.h"

namespace pixelgrad {
namespace {

/// A linear op of x, or of some tensors, that keeps nothing.
OpCase mover(std::string name, std::vector<std::string> inputs = {"x"}) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = std::move(inputs);
  op.linear = true;
  op.saved_bytes = saves_nothing;
  return op;
}

OpCase concat_case() {
  const auto joined = [](std::string name, std::vector<Shape> parts, int axis) -> OpSample {
    return {std::move(name), normals(std::move(parts)),
            [axis](const std::vector<Tensor>& in) { return concat(in, axis); },
            ConcatArguments{axis}};
  };
  OpCase op = mover("concat", {"a", "b", "c"});
  op.samples = {
      joined("one tensor", {{1, 1, 1, 1}}, -1),
      joined("one channel each", {{2, 3, 2, 1}, {2, 3, 2, 1}}, -1),
      joined("3 and 17 channels", {{1, 3, 5, 3}, {1, 3, 5, 17}}, 3),
      joined("three tensors", {{2, 2, 3, 2}, {2, 2, 3, 1}, {2, 2, 3, 5}}, -1),
      joined("columns", {{2, 3, 2, 3}, {2, 3, 1, 3}}, 2),
      joined("rows", {{2, 1, 5, 2}, {2, 3, 5, 2}}, 1),
      joined("images", {{1, 2, 3, 2}, {2, 2, 3, 2}}, -4),
      joined("vectors", {{3}, {1}, {4}}, 0),
      {"a tensor with itself", normals({{1, 2, 3, 2}}),
       [](const std::vector<Tensor>& in) {
         return concat({in[0], in[0]});
       },
       ConcatArguments{-1, true}},
      joined("several tiles", {{1, 33, 35, 17}, {1, 33, 35, 16}}, -1),
  };
  op.errors = {
      {"nothing", [] { concat({}); }, "[concat] got no tensors, expected at least one"},
      {"other sizes",
       [] {
         concat({zeros({1, 4, 4, 3}), zeros({1, 4, 5, 3})});
       },
       "input 1 is [1,4,5,3], expected [1,4,4,3] up to the size of axis 3"},
      {"other dimensions",
       [] {
         concat({zeros({4, 3}), zeros({3})}, 0);
       },
       "input 1 is [3], expected [4,3] up to the size of axis 0"},
      {"an axis that is not there",
       [] {
         concat({zeros({4, 3}), zeros({4, 3})}, 2);
       },
       "axis is 2, expected -2 to 1 (input [4,3])"},
      {"mixed dtypes",
       [] {
         concat({zeros({1, 4, 4, 3}), Tensor::zeros({1, 4, 4, 3}, Dtype::f32)});
       },
       "the first input holds f64 and another f32, expected one dtype"},
  };
  return op;
}

OpCase reshape_case() {
  const auto to = [](std::string name, Shape x, Shape shape) -> OpSample {
    return {std::move(name), normals({std::move(x)}),
            [shape](const std::vector<Tensor>& in) { return reshape(in[0], shape); }, shape};
  };
  OpCase op = mover("reshape");
  op.samples = {
      to("one value to a scalar", {1}, {}),
      to("a scalar to an image", {}, {1, 1, 1, 1}),
      to("flat", {2, 3, 5, 3}, {90}),
      to("same shape", {2, 3}, {2, 3}),
      to("17 channels", {2, 2, 3, 17}, {12, 17}),
      to("a size of 1 more", {3, 5}, {3, 1, 5}),
      to("channels to pixels", {1, 2, 3, 4}, {1, 2, 6, 2}),
      to("many", {65, 67, 9}, {9, 65, 67}),
  };
  op.errors = {
      {"other number of elements",
       [] {
         reshape(zeros({2, 3}), {4});
       },
       "a tensor [2,3] of 6 elements cannot take the shape [4]"},
      {"negative size",
       [] {
         reshape(zeros({2, 3}), {-2, -3});
       },
       "negative size in [-2,-3]"},
      {"undefined", [] { reshape({}, {1}); }, "[reshape] input is undefined"},
  };
  return op;
}

OpCase permute_case() {
  const auto by = [](std::string name, Shape x, std::vector<int> axes) -> OpSample {
    return {std::move(name), normals({std::move(x)}),
            [axes](const std::vector<Tensor>& in) { return permute(in[0], axes); }, axes};
  };
  OpCase op = mover("permute");
  op.samples = {
      by("one value", {1, 1, 1, 1}, {0, 3, 1, 2}),
      by("a scalar", {}, {}),
      by("a matrix transposed", {5, 7}, {1, 0}),
      by("a vector as it is", {5}, {0}),
      by("NHWC to NCHW, 3 channels", {2, 5, 7, 3}, {0, 3, 1, 2}),
      by("NHWC to NCHW, 17 channels", {1, 3, 5, 17}, {0, 3, 1, 2}),
      by("NCHW to NHWC", {2, 3, 4, 5}, {0, 2, 3, 1}),
      by("all turned round", {2, 3, 4, 5}, {3, 2, 1, 0}),
      by("negative axes", {2, 3, 4}, {-1, 0, 1}),
      by("five dimensions", {2, 3, 2, 2, 3}, {3, 0, 4, 2, 1}),
      by("several tiles", {1, 33, 35, 33}, {0, 3, 1, 2}),
  };
  op.errors = {
      {"too few axes",
       [] {
         permute(zeros({2, 3, 4}), {0, 1});
       },
       "got 2 axes for [2,3,4], expected one for each dimension"},
      {"an axis twice",
       [] {
         permute(zeros({2, 3, 4}), {0, 1, 1});
       },
       "axis 1 is named twice (input [2,3,4])"},
      {"an axis that is not there",
       [] {
         permute(zeros({2, 3}), {0, 2});
       },
       "axis is 2, expected -2 to 1"},
      {"nine dimensions",
       [] {
         permute(zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), {0, 1, 2, 3, 4, 5, 6, 7, 8});
       },
       "at most 8"},
  };
  return op;
}

OpCase slice_case() {
  const auto range = [](std::string name, Shape x, SliceArguments s) -> OpSample {
    return {std::move(name), normals({std::move(x)}),
            [s](const std::vector<Tensor>& in) {
              return slice(in[0], s.axis, s.start, s.stop, s.step);
            },
            s};
  };
  OpCase op = mover("slice");
  op.samples = {
      range("one value", {1}, {0, 0, 1, 1}),
      range("all", {2, 3}, {1, 0, 3, 1}),
      range("channels 1 to 3 of 5", {2, 2, 3, 5}, {-1, 1, 4, 1}),
      range("every other channel of 17", {1, 3, 2, 17}, {3, 0, 17, 2}),
      range("rows", {2, 5, 3, 3}, {1, 2, 4, 1}),
      range("every third column", {1, 2, 8, 2}, {2, 1, 8, 3}),
      range("the last image", {3, 2, 2, 2}, {0, 2, 3, 1}),
      range("counted from the back", {2, 7, 3}, {-2, -5, -1, 2}),
      range("a step longer than the rest", {1, 4, 3, 2}, {1, 3, 4, 9}),
      range("several tiles", {1, 65, 131, 9}, {2, 3, 130, 2}),
  };
  op.errors = {
      {"beyond the end",
       [] {
         slice(zeros({2, 5}), 1, 2, 6);
       },
       "from 2 to 6 of axis 1 of [2,5], expected a range inside 0 to 5 with at least one index"},
      {"nothing",
       [] {
         slice(zeros({2, 5}), 1, 3, 3);
       },
       "from 3 to 3 of axis 1"},
      {"before the start",
       [] {
         slice(zeros({2, 5}), 0, -3, 2);
       },
       "from -3 to 2 of axis 0"},
      {"step 0",
       [] {
         slice(zeros({2, 5}), 0, 0, 2, 0);
       },
       "step is 0, expected at least 1"},
      {"an axis that is not there",
       [] {
         slice(zeros({2, 5}), -3, 0, 1);
       },
       "axis is -3, expected -2 to 1"},
  };
  return op;
}

OpCase crop2d_case() {
  const auto window = [](std::string name, Shape x, CropArguments c) -> OpSample {
    return {std::move(name), normals({std::move(x)}),
            [c](const std::vector<Tensor>& in) {
              return crop2d(in[0], c.top, c.left, c.height, c.width);
            },
            c};
  };
  OpCase op = mover("crop2d");
  op.samples = {
      window("one pixel", {1, 1, 1, 1}, {0, 0, 1, 1}),
      window("top left", {2, 4, 5, 3}, {0, 0, 2, 3}),
      window("bottom right", {2, 4, 5, 17}, {2, 1, 2, 4}),
      window("middle", {1, 5, 6, 2}, {1, 2, 3, 2}),
      window("one row", {1, 5, 6, 3}, {4, 0, 1, 6}),
      window("one column", {2, 5, 3, 1}, {0, 2, 5, 1}),
      window("all", {1, 3, 4, 2}, {0, 0, 3, 4}),
      window("several tiles", {1, 65, 67, 9}, {1, 2, 63, 60}),
  };
  op.errors = {
      {"beyond the edge",
       [] {
         crop2d(zeros({1, 4, 4, 3}), 2, 0, 3, 4);
       },
       "window of 3 x 4 at (2, 0) does not lie inside the input [1,4,4,3]"},
      {"negative corner",
       [] {
         crop2d(zeros({1, 4, 4, 3}), -1, 0, 3, 4);
       },
       "at (-1, 0) does not lie inside"},
      {"no columns",
       [] {
         crop2d(zeros({1, 4, 4, 3}), 0, 0, 3, 0);
       },
       "window of 3 x 0"},
  };
  return op;
}

OpCase center_crop2d_case() {
  const auto window = [](std::string name, Shape x, int64_t h, int64_t w) -> OpSample {
    return {std::move(name), normals({std::move(x)}),
            [=](const std::vector<Tensor>& in) { return center_crop2d(in[0], h, w); },
            SizeArguments{h, w}};
  };
  OpCase op = mover("center_crop2d");
  op.samples = {
      window("one pixel", {1, 1, 1, 1}, 1, 1),
      window("even margin", {2, 4, 5, 3}, 2, 3),
      window("odd margin", {1, 5, 6, 2}, 2, 3),
      window("17 channels", {1, 3, 4, 17}, 1, 2),
      window("no margin", {1, 3, 2, 1}, 3, 2),
      window("margin at the sides only", {2, 3, 7, 2}, 3, 2),
      window("one pixel of many", {1, 6, 5, 3}, 1, 1),
      window("several tiles", {1, 65, 67, 9}, 62, 63),
  };
  op.errors = {
      {"larger than the image",
       [] {
         center_crop2d(zeros({1, 4, 4, 3}), 5, 4);
       },
       "does not lie inside the input [1,4,4,3]"},
      {"three dimensions",
       [] {
         center_crop2d(zeros({4, 4, 3}), 2, 2);
       },
       "input is [4,4,3], expected [N,H,W,C]"},
      {"no rows",
       [] {
         center_crop2d(zeros({1, 4, 4, 3}), 0, 2);
       },
       "window of 0 x 2"},
  };
  return op;
}

OpCase pixel_shuffle_case() {
  const auto by = [](std::string name, Shape x, int64_t factor) -> OpSample {
    return {std::move(name), normals({std::move(x)}),
            [factor](const std::vector<Tensor>& in) { return pixel_shuffle(in[0], factor); },
            factor};
  };
  OpCase op = mover("pixel_shuffle");
  op.samples = {
      by("one value", {1, 1, 1, 1}, 1),
      by("factor 1", {2, 3, 4, 3}, 1),
      by("factor 2, one channel", {1, 3, 5, 4}, 2),
      by("factor 2, 3 channels", {2, 3, 4, 12}, 2),
      by("factor 2, 17 channels", {1, 2, 3, 68}, 2),
      by("factor 3", {1, 2, 3, 18}, 3),
      by("factor 4, one pixel", {2, 1, 1, 32}, 4),
      by("several tiles", {1, 33, 35, 36}, 2),
  };
  op.errors = {
      {"channels left over",
       [] {
         pixel_shuffle(zeros({1, 4, 4, 6}), 2);
       },
       "6 channels cannot be cut into blocks of 2 x 2 = 4 (input [1,4,4,6])"},
      {"factor 0",
       [] {
         pixel_shuffle(zeros({1, 4, 4, 4}), 0);
       },
       "upscale_factor is 0, expected at least 1"},
      {"three dimensions",
       [] {
         pixel_shuffle(zeros({4, 4, 4}), 2);
       },
       "input is [4,4,4], expected [N,H,W,C]"},
  };
  return op;
}

OpCase pad2d_case() {
  const auto padded = [](std::string name, Shape x, Pad2dSpec spec) -> OpSample {
    return {std::move(name), normals({std::move(x)}),
            [spec](const std::vector<Tensor>& in) { return pad2d(in[0], spec); }, spec};
  };
  const auto reflect = PadMode::reflect, replicate = PadMode::replicate;
  OpCase op = mover("pad2d");
  op.samples = {
      padded("one pixel, nothing added", {1, 1, 1, 1}, {}),
      padded("one pixel in the middle", {1, 1, 1, 3}, {1, 2, 3, 1}),
      padded("zeros", {2, 3, 4, 3}, {.left = 1, .right = 2, .top = 3}),
      padded("a value", {1, 3, 2, 17}, {.left = 2, .bottom = 1, .value = -1.5}),
      padded("cut on one side, added on the other", {1, 4, 5, 2}, {-2, 3, 1, -1}),
      padded("reflect", {2, 4, 5, 3}, {2, 1, 3, 2, reflect}),
      padded("reflect, as much as there is", {1, 3, 4, 17}, {3, 3, 2, 2, reflect}),
      padded("reflect, one row", {1, 1, 4, 2}, {.left = 1, .right = 3, .mode = reflect}),
      padded("reflect, cut on one side", {1, 5, 4, 1}, {3, -1, -2, 1, reflect}),
      padded("replicate", {2, 3, 4, 3}, {2, 1, 1, 3, replicate}),
      padded("replicate, more than there is", {1, 2, 1, 17}, {3, 4, 5, 0, replicate}),
      padded("replicate, cut on one side", {1, 4, 5, 2}, {-1, 2, 2, -3, replicate}),
      padded("zeros, several tiles", {1, 33, 35, 33}, {3, 1, 2, 4}),
      padded("reflect, several tiles", {1, 33, 35, 33}, {3, 1, 2, 4, reflect}),
  };
  op.errors = {
      {"nothing left",
       [] {
         pad2d(zeros({1, 4, 4, 3}), {.left = -2, .right = -2});
       },
       "no pixel of the input is left: left -2, right -2, top 0, bottom 0 (input [1,4,4,3])"},
      {"all cut and added again",
       [] {
         pad2d(zeros({1, 4, 4, 3}), {.top = -4, .bottom = 6});
       },
       "no pixel of the input is left"},
      {"reflected more than there is",
       [] {
         pad2d(zeros({1, 4, 4, 3}), {.left = 4, .mode = PadMode::reflect});
       },
       "reflect expected less on each side than the input has pixels: left 4"},
      {"three dimensions",
       [] {
         pad2d(zeros({4, 4, 3}), {.left = 1});
       },
       "input is [4,4,3], expected [N,H,W,C]"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> shape_cases() {
  return {concat_case(), reshape_case(),       permute_case(),       slice_case(),
          crop2d_case(), center_crop2d_case(), pixel_shuffle_case(), pad2d_case()};
}

}  // namespace pixelgrad
