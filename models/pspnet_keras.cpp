#include "models/pspnet_keras.h"

#include "autograd/ops/pool.h"
#include "autograd/ops/upsample.h"

namespace pixelgrad {
namespace {

constexpr int64_t max_width = 1024;
constexpr int64_t largest_square = 8;
constexpr double leak = 0.2;

BatchNorm2d::Options keras_norm(int64_t channels) {
  return {.channels = channels, .eps = 1e-3, .momentum = 0.01};  // 1 - 0.99
}

}  // namespace

/// relu(bn(c(leaky(bn(b(leaky(bn(a(x)))))))) + bn(skip_conv(x))). [N,H,W,in] -> [N,H,W,out]
class PspNetKeras::Block : public Layer {
 public:
  Block(const std::string& prefix, int64_t in, int64_t mid, int64_t out)
      : a_(unit(prefix, "a",
                {.in_channels = in,
                 .out_channels = mid,
                 .kernel_size = 1,
                 .init = Init::he_normal_truncated})),
        b_(unit(prefix, "b",
                {.in_channels = mid,
                 .out_channels = mid,
                 .kernel_size = 3,
                 .padding = 2,
                 .dilation = 2,
                 .init = Init::he_normal_truncated})),
        c_(unit(prefix, "c",
                {.in_channels = mid,
                 .out_channels = out,
                 .kernel_size = 1,
                 .init = Init::he_normal_truncated})),
        skip_(unit(prefix, "skip_conv",
                   {.in_channels = in,
                    .out_channels = out,
                    .kernel_size = 3,
                    .padding = 1,
                    .init = Init::glorot_uniform})) {}

  Tensor forward(const Tensor& x) override {
    Tensor y = leaky_relu(conv_bn_act(*a_.conv, a_.bn, Activation::none, x), leak);
    y = leaky_relu(conv_bn_act(*b_.conv, b_.bn, Activation::none, std::move(y)), leak);
    return conv_bn_act(*c_.conv, c_.bn, Activation::relu, std::move(y),
                       conv_bn_act(*skip_.conv, skip_.bn, Activation::none, x));
  }

 private:
  struct Unit {
    Conv2d* conv;
    BatchNorm2d* bn;
  };
  Unit unit(const std::string& prefix, const std::string& name, const Conv2d::Options& conv) {
    Conv2d* const made = &add<Conv2d>(prefix + name, conv);
    return {made, &add<BatchNorm2d>(prefix + "batch_norm_" + name, keras_norm(conv.out_channels))};
  }

  Unit a_, b_, c_, skip_;
};

ModelInfo PspNetKeras::info() {
  return {.name = "pspnet-keras",
          .family = "pspnet-keras",
          .description = "a small PSPNet at full resolution, as in Keras tutorials on image pairs",
          .options = {{"width", "32", "channels of the first block; each block doubles them"}}};
}

PspNetKeras::PspNetKeras(const ModelConfig& config) : SegmentationModel(config) {
  OptionReader read(config.name, config.options);
  const int64_t width = read.integer("width", 32, 1, max_width);
  read.finish();

  int64_t channels = config.in_channels;
  for (int64_t i = 0; i < 3; ++i) {
    const int64_t mid = width << i;
    blocks_.push_back(&add<Block>("", str("block_", i + 1, "_"), channels, mid, 2 * mid));
    channels = 2 * mid;
  }
  const int64_t branch_channels = 2 * width;
  const auto branch = [&](const char* color, int64_t square) {
    branches_.push_back(
        {square, &add<Conv2d>(str(color, "_1_by_1"), {.in_channels = channels,
                                                      .out_channels = branch_channels,
                                                      .kernel_size = 1,
                                                      .init = Init::glorot_uniform})});
  };
  branch("red", 0);
  branch("yellow", 2);
  branch("blue", 4);
  branch("green", largest_square);
  last_ = &add<Conv2d>("last_conv_3_by_3", {.in_channels = channels + 4 * branch_channels,
                                            .out_channels = config.classes,
                                            .kernel_size = 3,
                                            .padding = 1,
                                            .init = Init::glorot_uniform});
  last_bn_ = &add<BatchNorm2d>("last_conv_3_by_3_batch_norm", keras_norm(config.classes));
}

ModelOutput PspNetKeras::compute(const Tensor& images) {
  check_images(images, largest_square);
  Tensor x = images;
  for (Block* block : blocks_) x = (*block)(x);
  std::vector<Tensor> parts{x};
  for (const Branch& branch : branches_) {
    const Tensor means =
        branch.square == 0 ? global_avg_pool2d(x) : avg_pool2d(x, {.kernel_size = branch.square});
    parts.push_back(
        upsample((*branch.conv)(means), x.shape(1), x.shape(2), {.mode = UpsampleMode::bilinear}));
  }
  x = {};
  return {.logits = conv_bn_act(*last_, last_bn_, Activation::none, std::move(parts))};
}

InputPadding PspNetKeras::input_padding(int64_t height, int64_t width) const {
  return pad_to(height, width, largest_square);
}

}  // namespace pixelgrad
