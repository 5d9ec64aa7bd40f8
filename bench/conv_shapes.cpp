#include "bench/conv_shapes.h"

#include <utility>

#include "tensor/check.h"

namespace pixelgrad::bench {
namespace {

/// What one axis of a convolution touches.
struct AxisUse {
  int64_t pairs = 0;   ///< of an output and a tap that reads inside the image
  int64_t inputs = 0;  ///< that any tap reads
  int64_t taps = 0;    ///< that ever read inside the image
};

AxisUse use_of_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                    int64_t dilation) {
  AxisUse use;
  std::vector<bool> read(static_cast<size_t>(in));
  for (int64_t tap = 0; tap < kernel; ++tap) {
    const int64_t before = use.pairs;
    for (int64_t o = 0; o < out; ++o) {
      const int64_t i = o * stride - pad + tap * dilation;
      if (i < 0 || i >= in) continue;
      ++use.pairs;
      use.inputs += !read[static_cast<size_t>(i)];
      read[static_cast<size_t>(i)] = true;
    }
    use.taps += use.pairs > before;
  }
  return use;
}

/// Lists the layers of a network from its input to its output.
class Layers {
 public:
  Layers(const ConvNet& net, int64_t channels)
      : batch_(net.batch), size_(net.size), channels_(channels) {}

  struct Conv {
    int64_t out, kernel = 1, stride = 1, dilation = 1;
    bool depthwise = false;
  };
  void conv(Conv c) {
    all_.push_back({.batch = batch_,
                    .size = size_,
                    .in_channels = channels_,
                    .out_channels = c.out,
                    .kernel = c.kernel,
                    .stride = c.stride,
                    .dilation = c.dilation,
                    .groups = c.depthwise ? channels_ : 1});
    at((size_ + c.stride - 1) / c.stride, c.out);
  }
  /// A depthwise and a 1x1 convolution.
  void separable(int64_t out, int64_t dilation = 1) {
    conv({.out = channels_, .kernel = 3, .dilation = dilation, .depthwise = true});
    conv({.out = out});
  }
  void up_conv(int64_t out) {
    all_.push_back({.batch = batch_,
                    .size = size_,
                    .in_channels = channels_,
                    .out_channels = out,
                    .kernel = 2,
                    .stride = 2,
                    .transposed = true});
    at(2 * size_, out);
  }
  /// Goes on with maps of this size: after a pooling, an upsampling, a concatenation, or from where
  /// a branch began.
  void at(int64_t size, int64_t channels) {
    size_ = size;
    channels_ = channels;
  }

  /// A stage of ResNet's bottlenecks: 1x1, 3x3 and 1x1 convolutions, and a 1x1 around the first.
  struct Stage {
    int64_t blocks, channels, stride = 1, first_dilation = 1, dilation = 1;
  };
  void stage(Stage s) {
    for (int64_t block = 0; block < s.blocks; ++block) {
      const int64_t in_size = size_, in_channels = channels_;
      const int64_t stride = block == 0 ? s.stride : 1;
      conv({.out = s.channels});
      conv({.out = s.channels,
            .kernel = 3,
            .stride = stride,
            .dilation = block == 0 ? s.first_dilation : s.dilation});
      conv({.out = 4 * s.channels});
      if (block > 0) continue;
      at(in_size, in_channels);
      conv({.out = 4 * s.channels, .stride = stride});
    }
  }

  int64_t size() const { return size_; }
  int64_t channels() const { return channels_; }
  std::vector<ConvShape> all() { return std::move(all_); }

 private:
  int64_t batch_, size_, channels_;
  std::vector<ConvShape> all_;
};

/// Atrous spatial pyramid pooling, 256 channels: a 1x1 convolution, three dilated ones, one of the
/// mean pixel, and the projection of all five.
void aspp(Layers& layers, bool separable) {
  constexpr int64_t in = 2048, out = 256;
  const int64_t size = layers.size();
  layers.conv({.out = out});
  for (const int64_t dilation : {12, 24, 36}) {
    layers.at(size, in);
    if (separable)
      layers.separable(out, dilation);
    else
      layers.conv({.out = out, .kernel = 3, .dilation = dilation});
  }
  layers.at(1, in);
  layers.conv({.out = out});
  layers.at(size, 5 * out);
  layers.conv({.out = out});
}

}  // namespace

std::string to_string(const ConvShape& s) {
  const bool depthwise = s.groups > 1 && s.groups == s.in_channels;
  return str(s.kernel, "x", s.kernel, s.transposed ? " transposed" : "",
             depthwise ? " depthwise" : "", " ", s.in_channels, "->", s.out_channels,
             s.stride > 1 ? str(" stride ", s.stride) : "",
             s.dilation > 1 ? str(" dilation ", s.dilation) : "", " at ", s.batch, "x", s.size, "x",
             s.size);
}

ConvCall conv_call(const ConvShape& shape, Direction direction) {
  ConvShape s = shape;
  if (s.transposed) {
    std::swap(s.in_channels, s.out_channels);
    s.size *= s.stride;
    if (direction != Direction::weight_gradient)
      direction = direction == Direction::forward ? Direction::input_gradient : Direction::forward;
  }
  const int64_t pad = s.stride == s.kernel ? 0 : s.dilation * (s.kernel - 1) / 2;
  const int64_t out = (s.size + 2 * pad - s.dilation * (s.kernel - 1) - 1) / s.stride + 1;
  return {.geometry = {.n = s.batch,
                       .in_h = s.size,
                       .in_w = s.size,
                       .in_channels = s.in_channels,
                       .out_h = out,
                       .out_w = out,
                       .out_channels = s.out_channels,
                       .kernel_h = s.kernel,
                       .kernel_w = s.kernel,
                       .stride_h = s.stride,
                       .stride_w = s.stride,
                       .pad_top = pad,
                       .pad_left = pad,
                       .dilation_h = s.dilation,
                       .dilation_w = s.dilation,
                       .groups = s.groups},
          .direction = direction};
}

Work least_work(const ConvCall& call) {
  const kernels::Conv2dGeometry& g = call.geometry;
  const AxisUse h = use_of_axis(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.pad_top, g.dilation_h);
  const AxisUse w = use_of_axis(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.pad_left, g.dilation_w);
  const int64_t connections = g.out_channels * (g.in_channels / g.groups);
  const bool writes_x = call.direction == Direction::input_gradient;
  const bool writes_weight = call.direction == Direction::weight_gradient;
  const int64_t x = g.n * g.in_channels * (writes_x ? g.in_h * g.in_w : h.inputs * w.inputs);
  const int64_t weight = connections * (writes_weight ? g.kernel_h * g.kernel_w : h.taps * w.taps);
  const int64_t y = g.n * g.out_channels * g.out_h * g.out_w;
  return {.flops = 2.0 * static_cast<double>(g.n * h.pairs * w.pairs * connections),
          .bytes = sizeof(float) * static_cast<double>(x + weight + y)};
}

std::vector<ConvShape> unet(const ConvNet& net, int64_t width) {
  constexpr int64_t depth = 4;
  Layers layers(net, 3);
  const auto double_conv = [&](int64_t level) {
    for (int i = 0; i < 2; ++i) layers.conv({.out = width << level, .kernel = 3});
  };
  double_conv(0);
  for (int64_t level = 1; level <= depth; ++level) {
    layers.at(net.size >> level, width << (level - 1));  // pooled
    double_conv(level);
  }
  for (int64_t level = depth - 1; level >= 0; --level) {
    layers.up_conv(width << level);
    layers.at(net.size >> level, 2 * (width << level));  // joined with the skip
    double_conv(level);
  }
  layers.conv({.out = net.classes});
  return layers.all();
}

std::vector<ConvShape> deeplabv3_resnet50(const ConvNet& net) {
  Layers layers(net, 3);
  layers.conv({.out = 64, .kernel = 7, .stride = 2});
  layers.at(net.size / 4, 64);  // pooled
  layers.stage({.blocks = 3, .channels = 64});
  layers.stage({.blocks = 4, .channels = 128, .stride = 2});
  layers.stage({.blocks = 6, .channels = 256, .dilation = 2});
  layers.stage({.blocks = 3, .channels = 512, .first_dilation = 2, .dilation = 4});
  aspp(layers, false);
  layers.conv({.out = 256, .kernel = 3});
  layers.conv({.out = net.classes});
  return layers.all();
}

std::vector<ConvShape> deeplabv3plus_resnet50(const ConvNet& net) {
  Layers layers(net, 3);
  layers.conv({.out = 64, .kernel = 7, .stride = 2});
  layers.at(net.size / 4, 64);  // pooled
  layers.stage({.blocks = 3, .channels = 64});
  layers.stage({.blocks = 4, .channels = 128, .stride = 2});
  layers.stage({.blocks = 6, .channels = 256, .stride = 2});
  layers.stage({.blocks = 3, .channels = 512, .first_dilation = 2, .dilation = 2});
  aspp(layers, true);
  layers.separable(256);
  layers.at(net.size / 4, 256);  // the first stage's maps
  layers.conv({.out = 48});
  layers.at(net.size / 4, 256 + 48);  // joined with the upsampled
  layers.separable(256);
  layers.conv({.out = net.classes});
  return layers.all();
}

std::vector<ConvShape> pspnet_resnet50(const ConvNet& net) {
  Layers layers(net, 3);
  layers.conv({.out = 64, .kernel = 3, .stride = 2});
  layers.conv({.out = 64, .kernel = 3});
  layers.conv({.out = 128, .kernel = 3});
  layers.at((net.size + 3) / 4, 128);  // pooled
  layers.stage({.blocks = 3, .channels = 64});
  layers.stage({.blocks = 4, .channels = 128, .stride = 2});
  layers.stage({.blocks = 6, .channels = 256, .first_dilation = 2, .dilation = 2});
  layers.stage({.blocks = 3, .channels = 512, .first_dilation = 4, .dilation = 4});
  const int64_t size = layers.size();
  for (const int64_t bins : {1, 2, 3, 6}) {
    layers.at(bins, 2048);
    layers.conv({.out = 512});
  }
  layers.at(size, 4096);
  layers.conv({.out = 512, .kernel = 3});
  layers.conv({.out = net.classes});
  return layers.all();
}

std::vector<ConvShape> pspnet_keras(const ConvNet& net) {
  Layers layers(net, 3);
  for (const int64_t width : {32, 64, 128}) {
    const int64_t in = layers.channels();
    layers.conv({.out = width});
    layers.conv({.out = width, .kernel = 3, .dilation = 2});
    layers.conv({.out = 2 * width});
    layers.at(net.size, in);
    layers.conv({.out = 2 * width, .kernel = 3});
  }
  const int64_t features = layers.channels();
  for (const int64_t size : {int64_t{1}, net.size / 2, net.size / 4, net.size / 8}) {
    layers.at(size, features);
    layers.conv({.out = 64});
  }
  layers.at(net.size, features + 4 * 64);
  layers.conv({.out = net.classes, .kernel = 3});
  return layers.all();
}

}  // namespace pixelgrad::bench
