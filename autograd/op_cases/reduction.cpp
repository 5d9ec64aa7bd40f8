// Ops that make one value of many.
#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/reduce.h"

namespace pixelgrad {
namespace {

using OverAxes = Tensor (*)(const Tensor&, const std::vector<int>&, bool);

struct Axes {
  std::string name;
  Shape shape;
  ReductionArguments arguments;
};

/// Axes at the ends, in the middle and apart from each other; short and long rows; and enough
/// values for several tiles of rows, of columns and of reductions.
const std::vector<Axes> over_axes = {
    {"one value", {1}, {{0}}},
    {"the pixels of each channel", {2, 3, 5, 3}, {{1, 2}}},
    {"the pixels of each channel, kept", {2, 3, 5, 3}, {{1, 2}, true}},
    {"all but 17 channels", {2, 3, 3, 17}, {{0, 1, 2}}},
    {"the channels, from the back", {2, 3, 5, 34}, {{-1}}},
    {"the images", {3, 2, 5, 4}, {{0}}},
    {"axes apart", {3, 2, 5, 4}, {{2, 0}}},
    {"axes apart, kept", {3, 2, 5, 4}, {{1, -1}, true}},
    {"all axes", {2, 3, 4}, {{0, 1, 2}}},
    {"no axis said: all", {2, 3, 4}, {{}, true}},
    {"an axis of size 1", {3, 1, 4}, {{1}}},
    {"70 rows of 1100", {70, 1100}, {{0}}},
    {"several tiles of pixels", {1, 61, 60, 9}, {{1, 2}}},
    {"several tiles of one row", {33000}, {{0}}},
    {"several tiles, axes apart", {7, 40, 9, 15}, {{0, 2}}},
};

OpCase reduction(std::string name, OverAxes call, MakeInputs (*inputs)(std::vector<Shape>)) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x"};
  op.saved_bytes = saves_nothing;
  for (const Axes& sample : over_axes)
    op.samples.push_back({sample.name, inputs({sample.shape}),
                          [call, arguments = sample.arguments](const std::vector<Tensor>& in) {
                            return call(in[0], arguments.axes, arguments.keepdim);
                          },
                          sample.arguments});
  op.errors = {
      {"labels",
       [call] {
         call(Tensor::zeros({2, 2}, Dtype::i32), {0}, false);
       },
       "i32"},
      {"undefined", [call] { call(Tensor(), {}, false); }, "input is undefined"},
      {"an axis too many",
       [call] {
         call(zeros({2, 3}), {2}, false);
       },
       "axis 2 of an input [2,3], expected -2 to 1"},
      {"an axis below the first",
       [call] {
         call(zeros({2, 3}), {-3}, false);
       },
       "axis -3"},
      {"an axis twice",
       [call] {
         call(zeros({2, 3}), {1, -1}, false);
       },
       "axis -1 is given twice"},
  };
  return op;
}

/// Sums and means are two functions: over axes, and over everything, which takes no arguments.
void add_whole(OpCase& op, Tensor (*call)(const Tensor&)) {
  const std::vector<std::pair<std::string, Shape>> shapes = {
      {"everything: a scalar", {}},
      {"everything: 3 channels", {2, 3, 5, 3}},
      {"everything: several tiles", {3, 61, 37, 5}}};
  for (const auto& [what, shape] : shapes)
    op.samples.push_back(
        {what, normals({shape}), [call](const std::vector<Tensor>& in) { return call(in[0]); }});
  op.linear = true;
}

OpError over_nothing(OverAxes call) {
  return {"over nothing",
          [call] {
            call(zeros({2, 0}), {1}, false);
          },
          "over no values of an input [2,0]"};
}

}  // namespace

std::vector<OpCase> reduction_cases() {
  OpCase sums = reduction("sum", sum, normals);
  add_whole(sums, sum);
  OpCase means = reduction("mean", mean, normals);
  add_whole(means, mean);
  means.errors.push_back(over_nothing(mean));
  means.errors.push_back({"of nothing", [] { mean(zeros({0, 4})); }, "input [0,4] is empty"});
  OpCase largest = reduction("max", max, spaced);
  largest.has_kinks = true;
  largest.errors.push_back(over_nothing(max));
  largest.saved_bytes = [](const OpSample&, const std::vector<Shape>&, const Shape& output,
                           int64_t) { return numel(output) * 8; };
  return {sums, means, largest};
}

}  // namespace pixelgrad
