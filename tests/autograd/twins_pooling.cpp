#include "autograd/op_cases/arguments.h"
#include "autograd/ops/pool.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_pool.h"

namespace pixelgrad {
namespace {

using naive::Array;
using naive::Window;

/// The windows of one axis, from the spec of max_pool2d or avg_pool2d.
template <class Spec>
std::vector<Window> windows(const Spec& spec, int64_t dilation, int64_t size) {
  naive::SlidingWindow w{.kernel = spec.kernel_size,
                         .stride = spec.stride == 0 ? spec.kernel_size : spec.stride,
                         .dilation = dilation,
                         .padding = {},
                         .ceil_mode = spec.ceil_mode};
  const int64_t pixels = spec.padding.pixels();
  w.padding = spec.padding.is_same()
                  ? naive::same_padding(size, dilation * (w.kernel - 1) + 1, w.stride)
                  : naive::Sides{pixels, pixels};
  return naive::windows(w, size);
}

Array max_pool(const std::vector<Array>& in, const std::any& arguments) {
  const auto& spec = std::any_cast<const MaxPool2dSpec&>(arguments);
  return naive::max_pool(in[0], windows(spec, spec.dilation, in[0].size(1)),
                         windows(spec, spec.dilation, in[0].size(2)));
}

Array avg_pool(const std::vector<Array>& in, const std::any& arguments) {
  const auto& spec = std::any_cast<const AvgPool2dSpec&>(arguments);
  return naive::avg_pool(in[0], windows(spec, 1, in[0].size(1)), windows(spec, 1, in[0].size(2)),
                         spec.count_include_pad);
}

Array adaptive_avg_pool(const std::vector<Array>& in, const std::any& arguments) {
  const auto& bins = std::any_cast<const SizeArguments&>(arguments);
  return naive::avg_pool(in[0], naive::bins(in[0].size(1), bins.height),
                         naive::bins(in[0].size(2), bins.width));
}

Array adaptive_max_pool(const std::vector<Array>& in, const std::any& arguments) {
  const auto& bins = std::any_cast<const SizeArguments&>(arguments);
  return naive::max_pool(in[0], naive::bins(in[0].size(1), bins.height),
                         naive::bins(in[0].size(2), bins.width));
}

}  // namespace

Twins pooling_twins() {
  return {
      {"max_pool2d", max_pool},
      {"avg_pool2d", avg_pool},
      {"adaptive_avg_pool2d", adaptive_avg_pool},
      {"adaptive_max_pool2d", adaptive_max_pool},
      {"global_avg_pool2d",
       [](const std::vector<Array>& in, const std::any&) {
         return adaptive_avg_pool(in, SizeArguments{1, 1});
       }},
      {"global_max_pool2d",
       [](const std::vector<Array>& in, const std::any&) {
         return adaptive_max_pool(in, SizeArguments{1, 1});
       }},
  };
}

}  // namespace pixelgrad
