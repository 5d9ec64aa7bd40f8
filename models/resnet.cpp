#include "models/resnet.h"

#include <algorithm>

#include "autograd/ops/pool.h"

namespace pixelgrad {
namespace {

struct BlockOptions {
  int64_t in_channels, width;  ///< what comes in, and the channels of the 3x3 convolutions
  int64_t stride, dilation;
  bool stride_on_1x1;
};

Conv2d::Options conv3x3(int64_t in, int64_t out, int64_t stride, int64_t dilation) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel_size = 3,
          .stride = stride,
          .padding = dilation,
          .dilation = dilation,
          .bias = false,
          .init = Init::he_normal_fan_out};
}

Conv2d::Options conv1x1(int64_t in, int64_t out, int64_t stride = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel_size = 1,
          .stride = stride,
          .bias = false,
          .init = Init::he_normal_fan_out};
}

/// relu(f(x) + x), where x goes through a 1x1 convolution if f changes its shape. This is what both
/// kinds of block do with their input.
class ResidualBlock : public Layer {
 protected:
  void add_shortcut(const BlockOptions& o, int64_t out_channels) {
    if (o.stride == 1 && o.in_channels == out_channels) return;
    downsample_ = &add<ConvBnAct>("downsample", {.in_channels = o.in_channels,
                                                 .out_channels = out_channels,
                                                 .kernel_size = 1,
                                                 .stride = o.stride,
                                                 .activation = Activation::none,
                                                 .init = Init::he_normal_fan_out});
  }
  Tensor shortcut(const Tensor& x) { return downsample_ ? (*downsample_)(x) : x; }

 private:
  ConvBnAct* downsample_ = nullptr;
};

/// Two 3x3 convolutions: [N,H,W,in_channels] -> [N,h,w,width].
class BasicBlock : public ResidualBlock {
 public:
  static constexpr int64_t expansion = 1;

  explicit BasicBlock(BlockOptions o)
      : conv1_(add<Conv2d>("conv1", conv3x3(o.in_channels, o.width, o.stride, o.dilation))),
        bn1_(add<BatchNorm2d>("bn1", {.channels = o.width})),
        conv2_(add<Conv2d>("conv2", conv3x3(o.width, o.width, 1, o.dilation))),
        bn2_(add<BatchNorm2d>("bn2", {.channels = o.width})) {
    add_shortcut(o, o.width);
  }

  Tensor forward(const Tensor& x) override {
    Tensor y = conv_bn_act(conv1_, &bn1_, Activation::relu, x);
    return conv_bn_act(conv2_, &bn2_, Activation::relu, std::move(y), shortcut(x));
  }

 private:
  Conv2d& conv1_;
  BatchNorm2d& bn1_;
  Conv2d& conv2_;
  BatchNorm2d& bn2_;
};

/// 1x1, 3x3 and 1x1 convolution: [N,H,W,in_channels] -> [N,h,w,4 width].
class Bottleneck : public ResidualBlock {
 public:
  static constexpr int64_t expansion = 4;

  explicit Bottleneck(BlockOptions o)
      : conv1_(
            add<Conv2d>("conv1", conv1x1(o.in_channels, o.width, o.stride_on_1x1 ? o.stride : 1))),
        bn1_(add<BatchNorm2d>("bn1", {.channels = o.width})),
        conv2_(add<Conv2d>("conv2",
                           conv3x3(o.width, o.width, o.stride_on_1x1 ? 1 : o.stride, o.dilation))),
        bn2_(add<BatchNorm2d>("bn2", {.channels = o.width})),
        conv3_(add<Conv2d>("conv3", conv1x1(o.width, expansion * o.width))),
        bn3_(add<BatchNorm2d>("bn3", {.channels = expansion * o.width})) {
    add_shortcut(o, expansion * o.width);
  }

  Tensor forward(const Tensor& x) override {
    Tensor y = conv_bn_act(conv1_, &bn1_, Activation::relu, x);
    y = conv_bn_act(conv2_, &bn2_, Activation::relu, std::move(y));
    return conv_bn_act(conv3_, &bn3_, Activation::relu, std::move(y), shortcut(x));
  }

 private:
  Conv2d& conv1_;
  BatchNorm2d& bn1_;
  Conv2d& conv2_;
  BatchNorm2d& bn2_;
  Conv2d& conv3_;
  BatchNorm2d& bn3_;
};

/// The kinds of ResNet in table 1 of the paper.
struct Kind {
  int64_t depth;
  bool bottleneck;
  std::array<int64_t, 4> blocks;  ///< of each stage
};
constexpr Kind kinds[] = {{18, false, {2, 2, 2, 2}},
                          {34, false, {3, 4, 6, 3}},
                          {50, true, {3, 4, 6, 3}},
                          {101, true, {3, 4, 23, 3}},
                          {152, true, {3, 8, 36, 3}}};

const Kind& find_kind(int64_t depth) {
  for (const Kind& kind : kinds)
    if (kind.depth == depth) return kind;
  throw UsageError(str("[resnet] depth is ", depth, ", expected 18, 34, 50, 101 or 152"));
}

constexpr int64_t max_width = 1024;
constexpr int64_t max_unit_rate = 64;

}  // namespace

ResNet::ResNet(Options options) {
  const Kind& kind = find_kind(options.depth);
  const int64_t os = options.output_stride;
  check<UsageError>(os == 8 || os == 16 || os == 32, "[resnet] output_stride is ", os,
                    ", expected 8, 16 or 32");
  const size_t last_blocks = static_cast<size_t>(kind.blocks[3]);
  check<UsageError>(options.multi_grid.empty() || options.multi_grid.size() == last_blocks,
                    "[resnet] multi_grid has ", options.multi_grid.size(),
                    " rates, expected one for each block of the last stage: ", last_blocks);
  add_stem(options);
  for (int stage = 1; stage <= 4; ++stage) add_stage(options, stage);
}

void ResNet::add_stem(const Options& o) {
  const auto convolution = [&](const std::string& conv, const std::string& bn,
                               const Conv2d::Options& spec) {
    stem_.push_back(
        {&add<Conv2d>(conv, spec), &add<BatchNorm2d>(bn, {.channels = spec.out_channels})});
  };
  if (o.deep_stem) {
    convolution("layer0.0", "layer0.1", conv3x3(o.in_channels, o.width, 2, 1));
    convolution("layer0.3", "layer0.4", conv3x3(o.width, o.width, 1, 1));
    convolution("layer0.6", "layer0.7", conv3x3(o.width, 2 * o.width, 1, 1));
  } else {
    convolution("conv1", "bn1",
                {.in_channels = o.in_channels,
                 .out_channels = o.width,
                 .kernel_size = 7,
                 .stride = 2,
                 .padding = 3,
                 .bias = false,
                 .init = Init::he_normal_fan_out});
  }
  channels_[0] = stem_.back().conv->options().out_channels;
  strides_[0] = 2;
}

void ResNet::add_stage(const Options& o, int stage) {
  const Kind& kind = find_kind(o.depth);
  const auto at = static_cast<size_t>(stage);
  const int64_t stride_before = stage == 1 ? 4 : strides_[at - 1];  // after the max pooling
  const int64_t wanted_stride = stage == 1 ? 1 : 2;
  const int64_t stride = stride_before * wanted_stride <= o.output_stride ? wanted_stride : 1;
  const int64_t dilation_before = dilation_;
  dilation_ *= wanted_stride / stride;  // what the stride would have skipped
  strides_[at] = stride_before * stride;

  const int64_t width = o.width << (stage - 1);
  int64_t in_channels = channels_[at - 1];
  for (int64_t b = 0; b < kind.blocks[at - 1]; ++b) {
    int64_t dilation = b == 0 && o.first_keeps_dilation ? dilation_before : dilation_;
    if (stage == 4 && !o.multi_grid.empty()) dilation *= o.multi_grid[static_cast<size_t>(b)];
    const BlockOptions block{.in_channels = in_channels,
                             .width = width,
                             .stride = b == 0 ? stride : 1,
                             .dilation = dilation,
                             .stride_on_1x1 = o.stride_on_1x1};
    const std::string name = str("layer", stage, ".", b);
    if (kind.bottleneck) {
      blocks_[at].push_back(&add<Bottleneck>(name, block));
      in_channels = Bottleneck::expansion * width;
    } else {
      blocks_[at].push_back(&add<BasicBlock>(name, block));
      in_channels = BasicBlock::expansion * width;
    }
  }
  channels_[at] = in_channels;
}

Tensor ResNet::forward(const Tensor& x, int first, int last) {
  Tensor y = x;
  for (int stage = first; stage <= last; ++stage) {
    if (stage == 0)
      for (const Stem& s : stem_) y = conv_bn_act(*s.conv, s.bn, Activation::relu, std::move(y));
    if (stage == 1) y = max_pool2d(y, {.kernel_size = 3, .stride = 2, .padding = 1});
    for (Layer* block : blocks_[static_cast<size_t>(stage)])
      y = checkpointed([block](Tensor in) { return (*block)(in); }, std::move(y));
  }
  return y;
}

const std::vector<int64_t>& resnet_depths() {
  static const std::vector<int64_t> depths = [] {
    std::vector<int64_t> all;
    for (const Kind& kind : kinds) all.push_back(kind.depth);
    return all;
  }();
  return depths;
}

int64_t resnet_depth(const std::string& model_name) {
  for (const Kind& kind : kinds)
    if (model_name.ends_with(str("resnet", kind.depth))) return kind.depth;
  throw UsageError(str("[resnet] '", model_name, "' does not end with resnet and a depth"));
}

std::vector<ModelOption> resnet_option_list(const std::string& output_stride,
                                            const std::string& stem, const std::string& dilation) {
  return {
      {"width", "64", "channels of the stem; each stage doubles them"},
      {"output_stride", output_stride, "of the backbone: 8, 16 or 32; below 32 it dilates"},
      {"stem", stem, "plain: one 7x7 convolution; deep: three 3x3"},
      {"dilation", dilation,
       "of a dilated stage: inherit (its first block keeps that of the stage before, as "
       "torchvision) or all"},
      {"stride_on", "3x3", "where blocks of three convolutions stride: 3x3 (torchvision), or 1x1"},
      {"multi_grid", "", "factors on the dilations of the last stage's blocks: 1,2,4"},
  };
}

ResNet::Options read_resnet_options(OptionReader& read, const ModelConfig& config) {
  ResNet::Options out;
  out.depth = resnet_depth(config.name);
  out.in_channels = config.in_channels;
  out.width = read.integer("width", 64, 1, max_width);
  out.output_stride = std::stoll(read.choice("output_stride", "32", {"8", "16", "32"}));
  out.deep_stem = read.choice("stem", "plain", {"plain", "deep"}) == "deep";
  out.first_keeps_dilation = read.choice("dilation", "inherit", {"inherit", "all"}) == "inherit";
  out.stride_on_1x1 = read.choice("stride_on", "3x3", {"3x3", "1x1"}) == "1x1";
  out.multi_grid = read.integers("multi_grid");
  for (const int64_t rate : out.multi_grid)
    check<UsageError>(rate >= 1 && rate <= max_unit_rate, "[", config.name,
                      "] option multi_grid has a rate of ", rate, ", expected 1 to ",
                      max_unit_rate);
  return out;
}

}  // namespace pixelgrad
