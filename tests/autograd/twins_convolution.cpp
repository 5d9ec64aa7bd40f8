#include "autograd/ops/conv2d.h"
#include "autograd/ops/conv_transpose2d.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_conv2d.h"
#include "tests/reference/naive_padding.h"
#include "tests/reference/naive_shape.h"

namespace pixelgrad {
namespace {

using naive::Array;
using reference::NaiveConv2d;

naive::Sides sides(const Padding& padding, int64_t size, int64_t kernel, int64_t dilation,
                   int64_t stride) {
  if (padding.is_same()) return naive::same_padding(size, dilation * (kernel - 1) + 1, stride);
  return {padding.pixels(), padding.pixels()};
}

/// The convolution over images [n,in_h,in_w,in_channels] with a weight [out,kh,kw,in/groups].
template <class Spec>
NaiveConv2d convolution(const Spec& spec, const Shape& image, const Shape& weight) {
  const auto h = sides(spec.padding, image[1], weight[1], spec.dilation, spec.stride);
  const auto w = sides(spec.padding, image[2], weight[2], spec.dilation, spec.stride);
  return {.n = image[0],
          .in_h = image[1],
          .in_w = image[2],
          .in_channels = image[3],
          .out_channels = weight[0],
          .kernel_h = weight[1],
          .kernel_w = weight[2],
          .stride_h = spec.stride,
          .stride_w = spec.stride,
          .pad_top = h.before,
          .pad_left = w.before,
          .pad_bottom = h.after,
          .pad_right = w.after,
          .dilation_h = spec.dilation,
          .dilation_w = spec.dilation,
          .groups = spec.groups};
}

std::vector<double> bias_of(const std::vector<Array>& in) {
  return in.back().shape.size() == 1 ? in.back().values : std::vector<double>();
}

/// Of several inputs all channels side by side; then come the weight and, maybe, the bias.
Array conv2d_twin(const std::vector<Array>& in, const std::any& arguments) {
  const auto images = in.end() - (in.back().shape.size() == 1 ? 2 : 1);
  const Array x = naive::concat({in.begin(), images}, 3);
  const Array& weight = *images;
  const NaiveConv2d c =
      convolution(std::any_cast<const Conv2dSpec&>(arguments), x.shape, weight.shape);
  Array y({c.n, c.out_h(), c.out_w(), c.out_channels});
  y.values = reference::naive_forward(c, x.values, weight.values, bias_of(in));
  return y;
}

/// The output is the input of the convolution whose transpose this is.
Array conv_transpose2d_twin(const std::vector<Array>& in, const std::any& arguments) {
  const auto& spec = std::any_cast<const ConvTranspose2dSpec&>(arguments);
  const auto size = [&](int dim) {
    const int64_t last_window = (in[0].size(dim) - 1) * spec.stride;
    return spec.padding.is_same() ? in[0].size(dim) * spec.stride
                                  : last_window + spec.dilation * (in[1].size(dim) - 1) + 1 +
                                        spec.output_padding - 2 * spec.padding.pixels();
  };
  Array y({in[0].size(0), size(1), size(2), in[1].size(3) * spec.groups});
  const NaiveConv2d c = convolution(spec, y.shape, in[1].shape);
  y.values = reference::naive_backward_input(c, in[0].values, in[1].values, bias_of(in));
  return y;
}

}  // namespace

Twins convolution_twins() {
  return {{"conv2d", conv2d_twin}, {"conv_transpose2d", conv_transpose2d_twin}};
}

}  // namespace pixelgrad
