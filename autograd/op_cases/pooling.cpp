// max_pool2d and avg_pool2d.
#include "autograd/op_cases/internal.h"
#include "autograd/ops/pool.h"

namespace pixelgrad {
namespace {

OpSample max_pool(std::string name, Shape x, MaxPool2dSpec spec) {
  return {std::move(name), spaced({std::move(x)}),
          [spec](const std::vector<Tensor>& in) { return max_pool2d(in[0], spec); }};
}

OpSample avg_pool(std::string name, Shape x, AvgPool2dSpec spec) {
  return {std::move(name), normals({std::move(x)}),
          [spec](const std::vector<Tensor>& in) { return avg_pool2d(in[0], spec); }};
}

}  // namespace

std::vector<OpCase> pooling_cases() {
  OpCase max;
  max.name = "max_pool2d";
  max.inputs = {"x"};
  max.has_kinks = true;
  max.samples = {
      max_pool("one pixel", {1, 1, 1, 1}, {.kernel_size = 1, .stride = 1}),
      max_pool("2x2, stride 2, odd sizes", {2, 5, 7, 3}, {.kernel_size = 2, .stride = 2}),
      max_pool("3x3, stride 2, padding 1, as a stem", {1, 7, 8, 17},
               {.kernel_size = 3, .stride = 2, .padding = 1}),
      max_pool("overlapping, stride 1", {1, 4, 5, 2},
               {.kernel_size = 3, .stride = 1, .padding = 1}),
      max_pool("dilation 2", {1, 7, 6, 2}, {.kernel_size = 3, .stride = 1, .dilation = 2}),
      max_pool("several tiles", {2, 65, 67, 17}, {.kernel_size = 2, .stride = 2}),
  };
  max.errors = {
      {"kernel larger than the image",
       [] {
         max_pool2d(zeros({1, 2, 2, 3}), {.kernel_size = 3});
       },
       "[1,2,2,3]"},
      {"padding over half the kernel",
       [] {
         max_pool2d(zeros({1, 8, 8, 3}), {.kernel_size = 2, .stride = 2, .padding = 2});
       },
       "padding"},
      {"three dimensions",
       [] {
         max_pool2d(zeros({8, 8, 3}), {.kernel_size = 2});
       },
       "[8,8,3]"},
  };

  OpCase avg;
  avg.name = "avg_pool2d";
  avg.inputs = {"x"};
  avg.linear = true;
  avg.samples = {
      avg_pool("one pixel", {1, 1, 1, 1}, {.kernel_size = 1, .stride = 1}),
      avg_pool("2x2, stride 2, odd sizes", {2, 5, 7, 3}, {.kernel_size = 2, .stride = 2}),
      avg_pool("padding counted", {1, 6, 5, 17},
               {.kernel_size = 3, .stride = 2, .padding = 1, .count_include_pad = true}),
      avg_pool("padding not counted", {1, 6, 5, 2},
               {.kernel_size = 3, .stride = 2, .padding = 1, .count_include_pad = false}),
      avg_pool("overlapping", {1, 5, 4, 2}, {.kernel_size = 3, .stride = 1}),
      avg_pool("several tiles", {2, 65, 67, 17}, {.kernel_size = 3, .stride = 2}),
  };
  avg.errors = {
      {"kernel larger than the image",
       [] {
         avg_pool2d(zeros({1, 2, 2, 3}), {.kernel_size = 3});
       },
       "[1,2,2,3]"},
      {"stride 0",
       [] {
         avg_pool2d(zeros({1, 8, 8, 3}), {.kernel_size = 2, .stride = -1});
       },
       "stride"},
  };
  return {max, avg};
}

}  // namespace pixelgrad
