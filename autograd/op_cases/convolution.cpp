// conv2d and conv_transpose2d.
#include "autograd/op_cases/internal.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/conv_transpose2d.h"

namespace pixelgrad {
namespace {

/// x [n,h,w,in], weight [out,kh,kw,in/groups], bias [out]
OpSample conv(std::string name, Shape x, Shape weight, Conv2dSpec spec) {
  const int64_t out_channels = weight[0];
  return {std::move(name), normals({std::move(x), std::move(weight), {out_channels}}),
          [spec](const std::vector<Tensor>& in) { return conv2d(in[0], in[1], in[2], spec); },
          spec};
}

/// inputs [n,h,w,c0], [n,h,w,c1] ..., weight [out,kh,kw,(c0+c1...)/groups], bias [out]
OpSample conv_of_several(std::string name, std::vector<Shape> inputs, Shape weight,
                         Conv2dSpec spec) {
  std::vector<std::string> names;
  for (size_t i = 0; i < inputs.size(); ++i) names.push_back(str("input ", i));
  names.insert(names.end(), {"weight", "bias"});
  const int64_t out_channels = weight[0];
  std::vector<Shape> shapes = std::move(inputs);
  shapes.insert(shapes.end(), {std::move(weight), {out_channels}});
  return {.name = std::move(name),
          .inputs = normals(std::move(shapes)),
          .call =
              [spec](const std::vector<Tensor>& in) {
                return conv2d(std::vector<Tensor>(in.begin(), in.end() - 2), in[in.size() - 2],
                              in.back(), spec);
              },
          .arguments = spec,
          .input_names = std::move(names)};
}

/// Inputs and weight: each is read by the gradient of the other. Not the bias.
int64_t saves_input_and_weight(const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                               int64_t element) {
  int64_t values = 0;
  for (const Shape& shape : inputs)
    if (shape.size() == 4) values += numel(shape);
  return values * element;
}

OpCase conv2d_case() {
  OpCase op;
  op.name = "conv2d";
  op.inputs = {"x", "weight", "bias"};
  op.linear = true;
  op.saved_bytes = saves_input_and_weight;
  op.samples = {
      conv("one pixel, 1x1", {1, 1, 1, 1}, {1, 1, 1, 1}, {}),
      conv("1x1, 17 to 3 channels", {2, 3, 5, 17}, {3, 1, 1, 17}, {}),
      conv("3x3, odd sizes", {2, 5, 7, 3}, {4, 3, 3, 3}, {.padding = 1}),
      conv("3x3, no padding", {1, 5, 4, 2}, {3, 3, 3, 2}, {}),
      conv("3x3, stride 2", {1, 7, 6, 3}, {2, 3, 3, 3}, {.stride = 2, .padding = 1}),
      conv("3x3, dilation 2", {1, 6, 7, 2}, {3, 3, 3, 2}, {.padding = 2, .dilation = 2}),
      conv("3x3, dilation larger than the image", {1, 3, 4, 2}, {2, 3, 3, 2},
           {.padding = 6, .dilation = 6}),
      conv("3x3, stride 2 and dilation 3", {1, 9, 8, 2}, {2, 3, 3, 2},
           {.stride = 2, .padding = 3, .dilation = 3}),
      conv("3x3, dilation 12", {1, 25, 26, 2}, {2, 3, 3, 2}, {.dilation = 12}),
      conv("kernel larger than the image", {2, 2, 3, 2}, {3, 5, 5, 2}, {.padding = 2}),
      conv("3 to 17 channels", {1, 3, 4, 3}, {17, 3, 3, 3}, {.padding = 1}),
      conv("1x1, stride 2", {2, 5, 4, 3}, {2, 1, 1, 3}, {.stride = 2}),
      conv("stride 3 over a 2x2 kernel: pixels that no tap reads", {1, 8, 7, 2}, {3, 2, 2, 2},
           {.stride = 3}),
      conv("same, 3x3", {1, 4, 5, 2}, {3, 3, 3, 2}, {.padding = Padding::same}),
      conv("same, 2x2: a row more at the bottom", {1, 4, 5, 2}, {2, 2, 2, 2},
           {.padding = Padding::same}),
      conv("same, stride 2, even and odd size", {1, 6, 7, 3}, {2, 3, 3, 3},
           {.stride = 2, .padding = Padding::same}),
      conv("same, dilation 2, 4x4", {1, 7, 6, 1}, {2, 4, 4, 1},
           {.padding = Padding::same, .dilation = 2}),
      conv("2x3 kernel", {1, 4, 5, 2}, {3, 2, 3, 2}, {.padding = 1}),
      conv("7x7, stride 2, as a stem", {1, 9, 9, 3}, {2, 7, 7, 3}, {.stride = 2, .padding = 3}),
      conv("2 groups", {1, 4, 5, 6}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}),
      conv("depthwise", {1, 5, 4, 5}, {5, 3, 3, 1}, {.padding = 1, .groups = 5}),
      conv("depthwise, 17 channels, odd width", {2, 3, 5, 17}, {17, 3, 3, 1},
           {.padding = 1, .groups = 17}),
      conv("depthwise, dilation 2, two filters a channel", {1, 6, 5, 3}, {6, 3, 3, 1},
           {.padding = 2, .dilation = 2, .groups = 3}),
      conv("several tiles", {2, 18, 19, 17}, {33, 3, 3, 17}, {.padding = 1}),
  };
  for (OpSample& sample : std::vector<OpSample>{
           conv_of_several("two inputs, 3 and 1 channels", {{2, 5, 7, 3}, {2, 5, 7, 1}},
                           {4, 3, 3, 4}, {.padding = 1}),
           conv_of_several("two inputs, 17 and 40 channels, 1x1", {{2, 3, 4, 17}, {2, 3, 4, 40}},
                           {3, 1, 1, 57}, {}),
           conv_of_several("three inputs, stride 2", {{1, 7, 6, 1}, {1, 7, 6, 17}, {1, 7, 6, 3}},
                           {2, 3, 3, 21}, {.stride = 2, .padding = 1}),
           conv_of_several("three inputs, dilation 2", {{1, 6, 7, 3}, {1, 6, 7, 1}, {1, 6, 7, 2}},
                           {3, 3, 3, 6}, {.padding = 2, .dilation = 2}),
           conv_of_several("two inputs, 2 groups across them", {{1, 4, 5, 2}, {1, 4, 5, 4}},
                           {4, 3, 3, 3}, {.padding = 1, .groups = 2}),
           conv_of_several("two inputs, several tiles", {{1, 16, 33, 32}, {1, 16, 33, 17}},
                           {32, 3, 3, 49}, {.padding = 1})})
    op.samples.push_back(std::move(sample));
  op.samples.push_back(
      {"no bias", normals({{1, 4, 5, 2}, {3, 3, 3, 2}}),
       [](const std::vector<Tensor>& in) { return conv2d(in[0], in[1], Tensor(), {.padding = 1}); },
       Conv2dSpec{.padding = 1}});
  op.errors = {
      {"other channels",
       [] {
         conv2d(zeros({2, 8, 8, 5}), zeros({8, 3, 3, 3}), Tensor(), {});
       },
       "[conv2d] input has 5 channels, weight expects 3"},
      {"bias of another size",
       [] {
         conv2d(zeros({1, 8, 8, 3}), zeros({8, 3, 3, 3}), zeros({7}), {});
       },
       "[7]"},
      {"input of three dimensions",
       [] {
         conv2d(zeros({8, 8, 3}), zeros({8, 3, 3, 3}), Tensor(), {});
       },
       "[8,8,3]"},
      {"kernel larger than the image",
       [] {
         conv2d(zeros({1, 2, 2, 3}), zeros({8, 3, 3, 3}), Tensor(), {});
       },
       "[1,2,2,3]"},
      {"stride 0",
       [] {
         conv2d(zeros({1, 8, 8, 3}), zeros({8, 3, 3, 3}), Tensor(), {.stride = 0});
       },
       "stride"},
      {"groups that do not divide",
       [] {
         conv2d(zeros({1, 8, 8, 6}), zeros({7, 3, 3, 3}), Tensor(), {.groups = 2});
       },
       "7 output channels cannot be cut into 2 groups"},
      {"mixed dtypes",
       [] {
         conv2d(zeros({1, 8, 8, 3}), Tensor::zeros({8, 3, 3, 3}, Dtype::f32), Tensor(), {});
       },
       "f32"},
      {"no inputs",
       [] {
         conv2d(std::vector<Tensor>(), zeros({8, 3, 3, 3}));
       },
       "[conv2d] got no inputs, expected at least one"},
      {"inputs of other sizes",
       [] {
         conv2d({zeros({1, 8, 8, 1}), zeros({1, 8, 9, 2})}, zeros({8, 3, 3, 3}));
       },
       "[conv2d] input 1 is [1,8,9,2], expected [1,8,8,1] up to the channels"},
      {"inputs of other dtypes",
       [] {
         conv2d({zeros({1, 8, 8, 1}), Tensor::zeros({1, 8, 8, 2}, Dtype::f32)},
                zeros({8, 3, 3, 3}));
       },
       "[conv2d] the first input holds f64 and another f32, expected one dtype"},
      {"inputs of other channels",
       [] {
         conv2d({zeros({1, 8, 8, 1}), zeros({1, 8, 8, 4})}, zeros({8, 3, 3, 3}));
       },
       "[conv2d] inputs have 5 channels, weight expects 3 (input [1,8,8,1], input [1,8,8,4], "
       "weight [8,3,3,3])"},
  };
  return op;
}

/// x [n,h,w,in], weight [in,kh,kw,out/groups], bias [out]
OpSample transposed(std::string name, Shape x, Shape weight, ConvTranspose2dSpec spec) {
  const int64_t out_channels = weight[3] * spec.groups;
  return {
      std::move(name), normals({std::move(x), std::move(weight), {out_channels}}),
      [spec](const std::vector<Tensor>& in) { return conv_transpose2d(in[0], in[1], in[2], spec); },
      spec};
}

OpCase conv_transpose2d_case() {
  OpCase op;
  op.name = "conv_transpose2d";
  op.inputs = {"x", "weight", "bias"};
  op.linear = true;
  op.saved_bytes = saves_input_and_weight;
  op.samples = {
      transposed("one pixel, 1x1", {1, 1, 1, 1}, {1, 1, 1, 1}, {}),
      transposed("2x2, stride 2, as in U-Net", {2, 3, 4, 3}, {3, 2, 2, 2}, {.stride = 2}),
      transposed("4x4, stride 2, padding 1", {1, 3, 5, 2}, {2, 4, 4, 3},
                 {.stride = 2, .padding = 1}),
      transposed("3x3, stride 2, output padding", {1, 4, 3, 2}, {2, 3, 3, 2},
                 {.stride = 2, .padding = 1, .output_padding = 1}),
      transposed("dilation 2", {1, 4, 5, 2}, {2, 3, 3, 2}, {.padding = 1, .dilation = 2}),
      transposed("2 groups", {1, 3, 4, 4}, {4, 3, 3, 3}, {.stride = 2, .padding = 1, .groups = 2}),
      transposed("3x3, stride 1, 17 to 3 channels", {1, 3, 4, 17}, {17, 3, 3, 3}, {.padding = 1}),
      transposed("depthwise", {1, 3, 4, 5}, {5, 3, 3, 1}, {.stride = 2, .padding = 1, .groups = 5}),
      transposed("stride 3 over a 2x2 kernel", {1, 3, 2, 2}, {2, 2, 2, 3}, {.stride = 3}),
      transposed("same, 3x3, stride 2", {1, 3, 4, 2}, {2, 3, 3, 3},
                 {.stride = 2, .padding = Padding::same}),
      transposed("same, 4x4, stride 1", {2, 4, 3, 2}, {2, 4, 4, 2}, {.padding = Padding::same}),
      transposed("same, stride 3 over a 2x2 kernel", {1, 2, 3, 2}, {2, 2, 2, 1},
                 {.stride = 3, .padding = Padding::same}),
      transposed("several tiles", {1, 9, 10, 17}, {17, 2, 2, 20}, {.stride = 2}),
  };
  op.errors = {
      {"other channels",
       [] {
         conv_transpose2d(zeros({1, 4, 4, 5}), zeros({3, 2, 2, 3}), Tensor(), {.stride = 2});
       },
       "[conv_transpose2d] input has 5 channels, weight expects 3"},
      {"bias of another size",
       [] {
         conv_transpose2d(zeros({1, 4, 4, 3}), zeros({3, 2, 2, 8}), zeros({7}), {});
       },
       "[7]"},
      {"output padding as large as the stride",
       [] {
         conv_transpose2d(zeros({1, 4, 4, 3}), zeros({3, 2, 2, 8}), Tensor(),
                          {.stride = 2, .output_padding = 2});
       },
       "output_padding is 2, expected 0 to less than the larger of stride and dilation, 2"},
      {"output padding with same",
       [] {
         conv_transpose2d(zeros({1, 4, 4, 3}), zeros({3, 3, 3, 8}), Tensor(),
                          {.stride = 2, .padding = Padding::same, .output_padding = 1});
       },
       "output_padding is 1, expected 0 with padding same"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> convolution_cases() { return {conv2d_case(), conv_transpose2d_case()}; }

}  // namespace pixelgrad
