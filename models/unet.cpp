#include "models/unet.h"

#include <utility>
#include <vector>

#include "autograd/ops/pool.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/upsample.h"

namespace pixelgrad {

class UNet::DoubleConv : public Layer {
 public:
  struct Options {
    int64_t in_channels, mid_channels, out_channels;
    int64_t padding;
    bool norm;
  };

  // The names are the positions in PyTorch's Sequential(Conv2d, [BatchNorm2d,] ReLU, twice).
  explicit DoubleConv(Options o)
      : conv1_(add<Conv2d>("0", conv(o, o.in_channels, o.mid_channels))),
        bn1_(o.norm ? &add<BatchNorm2d>("1", {.channels = o.mid_channels}) : nullptr),
        conv2_(add<Conv2d>(o.norm ? "3" : "2", conv(o, o.mid_channels, o.out_channels))),
        bn2_(o.norm ? &add<BatchNorm2d>("4", {.channels = o.out_channels}) : nullptr) {}

  Tensor forward(const Tensor& x) override { return forward(std::vector<Tensor>{x}); }

  /// Of several inputs, as if concatenated along channels.
  Tensor forward(std::vector<Tensor> inputs) {
    Tensor y = conv_bn_act(conv1_, bn1_, Activation::relu, std::move(inputs));
    return conv_bn_act(conv2_, bn2_, Activation::relu, std::move(y));
  }

 private:
  static Conv2d::Options conv(const Options& o, int64_t in, int64_t out) {
    return {.in_channels = in,
            .out_channels = out,
            .kernel_size = 3,
            .padding = o.padding,
            .bias = !o.norm,
            .init = Init::he_normal};
  }

  Conv2d& conv1_;
  BatchNorm2d* bn1_;
  Conv2d& conv2_;
  BatchNorm2d* bn2_;
};

namespace {

constexpr int64_t max_width = 1024;
constexpr int64_t max_depth = 8;

}  // namespace

ModelInfo UNet::info() {
  return {
      .name = "unet",
      .family = "unet",
      .description = "U-Net (Ronneberger et al. 2015): encoder and decoder joined by skips",
      .options = {
          {"width", "64", "channels of the first level; each level doubles them"},
          {"depth", "4", "number of poolings"},
          {"padding", "same", "same: logits as large as the image; valid: the paper's, smaller"},
          {"norm", "auto", "batch, none, or auto: batch with padding=same, none with valid"},
          {"decoder", "transposed", "transposed convolutions, or bilinear with half the channels"},
          {"dropout", "0", "probability, at the end of the contracting path"}}};
}

UNet::UNet(const ModelConfig& config) : SegmentationModel(config) {
  OptionReader read("unet", config.options);
  const int64_t width = read.integer("width", 64, 1, max_width);
  depth_ = read.integer("depth", 4, 1, max_depth);
  valid_ = read.choice("padding", "same", {"same", "valid"}) == "valid";
  const std::string norm = read.choice("norm", "auto", {"auto", "batch", "none"});
  const bool bilinear =
      read.choice("decoder", "transposed", {"transposed", "bilinear"}) == "bilinear";
  const double dropout = read.number("dropout", 0, 0, 0.99);
  read.finish();
  check<UsageError>(!bilinear || width % 2 == 0, "[unet] option width is '", width,
                    "', expected an even number for decoder bilinear");

  const auto double_conv = [&](const std::string& name, int64_t in, int64_t mid, int64_t out) {
    return &add<DoubleConv>(
        name, DoubleConv::Options{.in_channels = in,
                                  .mid_channels = mid,
                                  .out_channels = out,
                                  .padding = valid_ ? 0 : 1,
                                  .norm = norm == "auto" ? !valid_ : norm == "batch"});
  };
  // Channels of level i of the contracting path. Bilinear upsampling keeps the number of channels,
  // so that decoder halves it in the convolutions before, from the lowest level on.
  const auto channels = [&](int64_t level) { return width << level; };
  const int64_t below = bilinear ? 2 : 1;

  down_.push_back(double_conv("inc.double_conv", config.in_channels, width, width));
  for (int64_t i = 1; i <= depth_; ++i) {
    const int64_t out = i == depth_ ? channels(i) / below : channels(i);
    down_.push_back(
        double_conv(str("down", i, ".maxpool_conv.1.double_conv"), channels(i - 1), out, out));
  }
  dropout_ = &add<Dropout>("dropout", {.p = dropout});
  for (int64_t i = depth_ - 1; i >= 0; --i) {
    const std::string name = str("up", depth_ - i);
    Up up{};
    if (bilinear) {
      const int64_t in = 2 * channels(i);
      up.conv = double_conv(name + ".conv.double_conv", in, in / 2,
                            i == 0 ? channels(0) : channels(i) / 2);
    } else {
      up.transposed = &add<ConvTranspose2d>(name + ".up", {.in_channels = channels(i + 1),
                                                           .out_channels = channels(i),
                                                           .kernel_size = 2,
                                                           .stride = 2,
                                                           .init = Init::he_normal});
      up.conv = double_conv(name + ".conv.double_conv", 2 * channels(i), channels(i), channels(i));
    }
    up_.push_back(up);
  }
  classify_ = &add<Conv2d>("outc.conv", {.in_channels = width,
                                         .out_channels = config.classes,
                                         .kernel_size = 1,
                                         .init = Init::he_normal});
}

ModelOutput UNet::compute(const Tensor& images) {
  check_images(images);
  const int64_t unit = int64_t{1} << depth_, smallest = padded_size(1);
  check(accepts(images.shape(1)) && accepts(images.shape(2)), "[unet] images are ", images.shape(),
        ", expected height and width of ", unit, " k + ", smallest % unit, ", at least ", smallest,
        " (input_padding says how much to add)");

  Tensor x = checkpointed([this](Tensor x) { return (*down_[0])(x); }, images);
  std::vector<Tensor> skips;
  for (size_t i = 1; i < down_.size(); ++i) {
    skips.push_back(x);
    x = checkpointed(
        [this, i](Tensor x) {
          x = (*down_[i])(max_pool2d(x, {.kernel_size = 2}));
          return i + 1 == down_.size() ? (*dropout_)(x) : x;
        },
        std::move(x));
  }
  for (const Up& up : up_) {
    Tensor skip = std::move(skips.back());
    skips.pop_back();
    x = checkpointed(
        [this, &up](Tensor x, Tensor skip) { return expand(up, std::move(x), std::move(skip)); },
        std::move(x), std::move(skip));
  }
  return {.logits = (*classify_)(x)};
}

Tensor UNet::expand(const Up& up, Tensor x, Tensor skip) {
  x = up.transposed ? (*up.transposed)(x)
                    : upsample_scale(x, 2, {.mode = UpsampleMode::bilinear, .align_corners = true});
  if (valid_) skip = center_crop2d(skip, x.shape(1), x.shape(2));
  // The skip connection, then what comes from below; nobody else holds either any more.
  std::vector<Tensor> inputs;
  inputs.push_back(std::move(skip));
  inputs.push_back(std::move(x));
  return up.conv->forward(std::move(inputs));
}

int64_t UNet::margin() const { return valid_ ? 6 * (int64_t{1} << depth_) - 4 : 0; }

int64_t UNet::padded_size(int64_t size) const {
  const int64_t unit = int64_t{1} << depth_;
  if (!valid_) return (size + unit - 1) / unit * unit;
  // t pixels before the lowest level's convolutions come from 2^d t + 4 (2^d - 1) pixels of the
  // image, since each level halves what two convolutions left, and end as
  // 2^d (t - 4) - 4 (2^d - 1) pixels of the logits.
  const int64_t t = (size + 4 * (unit - 1) + unit - 1) / unit + 4;
  return unit * t + 4 * (unit - 1);
}

bool UNet::accepts(int64_t size) const {
  const int64_t predicted = size - 2 * margin();
  return predicted >= 1 && padded_size(predicted) == size;
}

InputPadding UNet::input_padding(int64_t height, int64_t width) const {
  check(height >= 1 && width >= 1, "[unet] image of ", height, " x ", width,
        ", expected at least 1 x 1");
  const int64_t near = margin();
  return {.top = near,
          .bottom = padded_size(height) - height - near,
          .left = near,
          .right = padded_size(width) - width - near};
}

}  // namespace pixelgrad
