#include "autograd/ops/concat.h"
#include "autograd/ops/pool.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/upsample.h"
#include "tests/autograd/op_twins.h"
#include "tests/reference/naive_pool.h"
#include "tests/reference/naive_upsample.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;

// 19 channels: whole vectors and a rest on every target
const std::vector<Shape> small = {{2, 6, 7, 3}}, large = {{2, 53, 67, 19}};

OpTwin max_pool_twin(const std::string& what, MaxPool2dSpec spec, int64_t index_bytes = 1) {
  const naive::Window window{spec.kernel_size, spec.stride ? spec.stride : spec.kernel_size,
                             spec.padding, spec.dilation};
  return {.name = "max_pool2d/" + what,
          .shapes = spec.kernel_size > 6 ? std::vector<Shape>{{1, 19, 18, 2}} : small,
          .large_shapes = spec.kernel_size > 6 ? std::vector<Shape>{{2, 33, 37, 19}} : large,
          .op = [=](const Tensors& x) { return max_pool2d(x[0], spec); },
          .naive = [=](const Arrays& x) { return naive::max_pool(x[0], window); },
          .keeps = [=](const auto&, const Shape& y) { return index_bytes * numel(y); }};
}

OpTwin avg_pool_twin(const std::string& what, AvgPool2dSpec spec) {
  const naive::Window window{spec.kernel_size, spec.stride ? spec.stride : spec.kernel_size,
                             spec.padding, 1};
  return {
      .name = "avg_pool2d/" + what,
      .shapes = small,
      .large_shapes = large,
      .op = [=](const Tensors& x) { return avg_pool2d(x[0], spec); },
      .naive =
          [=](const Arrays& x) { return naive::avg_pool(x[0], window, spec.count_include_pad); },
      .keeps = nothing};
}

/// Sizes as a rational factor of the input's, so that both the small and the large case use it.
OpTwin upsample_twin(const std::string& what, int64_t times, int64_t over, UpsampleSpec spec) {
  const auto size = [=](int64_t in) { return std::max<int64_t>(1, in * times / over); };
  return {.name = "upsample/" + what,
          .shapes = small,
          .large_shapes = {{2, 37, 29, 19}},
          .op =
              [=](const Tensors& x) {
                return upsample(x[0], size(x[0].shape(1)), size(x[0].shape(2)), spec);
              },
          .naive =
              [=](const Arrays& x) {
                const int64_t h = size(x[0].size(1)), w = size(x[0].size(2));
                return spec.mode == UpsampleMode::nearest
                           ? naive::upsample_nearest(x[0], h, w)
                           : naive::upsample_bilinear(x[0], h, w, spec.align_corners);
              },
          .keeps = nothing};
}

OpTwin crop_twin(const std::string& name, int64_t top, int64_t left, int64_t less_h, int64_t less_w,
                 bool center) {
  return {.name = name,
          .shapes = small,
          .large_shapes = large,
          .op =
              [=](const Tensors& x) {
                const int64_t h = x[0].shape(1) - less_h, w = x[0].shape(2) - less_w;
                return center ? center_crop2d(x[0], h, w) : crop2d(x[0], top, left, h, w);
              },
          .naive =
              [=](const Arrays& x) {
                Array y({x[0].size(0), x[0].size(1) - less_h, x[0].size(2) - less_w, x[0].size(3)});
                for (int64_t n = 0; n < y.size(0); ++n)
                  for (int64_t i = 0; i < y.size(1); ++i)
                    for (int64_t j = 0; j < y.size(2); ++j)
                      for (int64_t c = 0; c < y.size(3); ++c)
                        y.at(n, i, j, c) = x[0].at(n, i + top, j + left, c);
                return y;
              },
          .keeps = nothing};
}

OpTwin concat_twin() {
  return {.name = "concat",
          .shapes = {{2, 3, 4, 5}, {2, 3, 4, 1}, {2, 3, 4, 8}},
          .large_shapes = {{2, 31, 43, 16}, {2, 31, 43, 3}, {2, 31, 43, 21}},
          .op = [](const Tensors& x) { return concat(x); },
          .naive =
              [](const Arrays& x) {
                Shape shape = x[0].shape;
                shape.back() = 0;
                for (const Array& part : x) shape.back() += part.channels();
                Array y(shape);
                for (int64_t p = 0; p < y.pixels(); ++p) {
                  int64_t c = 0;
                  for (const Array& part : x)
                    for (int64_t k = 0; k < part.channels(); ++k) y.at(p, c++) = part.at(p, k);
                }
                return y;
              },
          .keeps = nothing};
}

}  // namespace

std::vector<OpTwin> image_twins() {
  const auto nearest = UpsampleMode::nearest, bilinear = UpsampleMode::bilinear;
  OpTwin scale2 = upsample_twin("", 2, 1, {});
  scale2.name = "upsample_scale";
  scale2.op = [](const Tensors& x) { return upsample_scale(x[0]); };
  return {
      max_pool_twin("2x2", {}),
      max_pool_twin("resnet", {.kernel_size = 3, .stride = 2, .padding = 1}),
      max_pool_twin("overlapping", {.kernel_size = 3, .stride = 1, .padding = 1}),
      max_pool_twin("dilated", {.kernel_size = 3, .stride = 2, .padding = 1, .dilation = 2}),
      max_pool_twin("gaps", {.kernel_size = 2, .stride = 3}),
      max_pool_twin("wide index", {.kernel_size = 17, .stride = 1, .padding = 8}, 4),
      avg_pool_twin("2x2", {}),
      avg_pool_twin("padded", {.kernel_size = 3, .stride = 2, .padding = 1}),
      avg_pool_twin("padding not counted",
                    {.kernel_size = 3, .stride = 1, .padding = 1, .count_include_pad = false}),
      avg_pool_twin("gaps", {.kernel_size = 2, .stride = 3}),
      upsample_twin("nearest x2", 2, 1, {.mode = nearest}),
      upsample_twin("nearest x5/3", 5, 3, {.mode = nearest}),
      upsample_twin("nearest down", 3, 5, {.mode = nearest}),
      upsample_twin("bilinear x2", 2, 1, {.mode = bilinear}),
      upsample_twin("bilinear x7/4", 7, 4, {.mode = bilinear}),
      upsample_twin("bilinear down", 3, 7, {.mode = bilinear}),
      upsample_twin("bilinear same size", 1, 1, {.mode = bilinear}),
      upsample_twin("bilinear corners x2", 2, 1, {.mode = bilinear, .align_corners = true}),
      upsample_twin("bilinear corners down", 3, 7, {.mode = bilinear, .align_corners = true}),
      upsample_twin("bilinear corners to one", 1, 1000, {.mode = bilinear, .align_corners = true}),
      scale2,
      crop_twin("crop2d", 1, 2, 3, 2, false),
      crop_twin("center_crop2d", 1, 1, 2, 3, true),
      concat_twin(),
  };
}

}  // namespace pixelgrad
