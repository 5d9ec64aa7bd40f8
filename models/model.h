#pragma once
#include <string>
#include <vector>

#include "layers/module.h"
#include "tensor/options.h"

namespace pixelgrad {

/// Which network to build: what a config file, a command line or a checkpoint says.
struct ModelConfig {
  std::string name;         ///< "unet"; list_models() has them all
  int64_t in_channels = 3;  ///< of the images
  int64_t classes = 2;      ///< channels of the logits
  OptionMap options = {};   ///< the model's own; what is left out gets its default
};

/// One of a model's own options.
struct ModelOption {
  std::string name, default_value, help;
};

/// What there is to know about a kind of model before one is built.
struct ModelInfo {
  std::string name;    ///< "pspnet-resnet50"
  std::string family;  ///< "pspnet": models of a family share their options
  std::string description;
  std::vector<ModelOption> options;
};

/// `options` where each "auto" has become what `chosen` has for it, if it has.
OptionMap replace_auto(OptionMap options, const OptionMap& chosen);

struct ModelOutput {
  Tensor logits;          ///< [N,h,w,classes], before softmax
  Tensor aux = {};        ///< [as logits] of an auxiliary head, in training; undefined without one
  double aux_weight = 0;  ///< of the auxiliary head's loss, beside 1 for that of `logits`
};

/// How many pixels to add around an image.
struct InputPadding {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};

/// A network from images to per-pixel class scores.
class SegmentationModel : public Module {
 public:
  /// [N,H,W,in_channels] -> logits [N,h,w,classes]. Where the precision is bf16
  /// (kernels::set_precision), f32 images and all activations are stored as that; the logits are
  /// f32 again. Throws Error on a size or a channel number that the network cannot take.
  ModelOutput forward(const Tensor& images);
  ModelOutput operator()(const Tensor& images) { return forward(images); }

  /// How to pad an image of height x width so that forward accepts it and the top-left
  /// height x width corner of the logits is the image's prediction.
  virtual InputPadding input_padding(int64_t height, int64_t width) const = 0;

  /// What it was built from, defaults filled in.
  const ModelConfig& config() const { return config_; }

 protected:
  explicit SegmentationModel(ModelConfig config) : config_(std::move(config)) {}

  /// The network itself: what forward() says, in the dtype of the images.
  virtual ModelOutput compute(const Tensor& images) = 0;

  /// Scores as f32 where they are stored as bf16: to resize them without rounding each pixel.
  static Tensor as_scores(const Tensor& x);

  /// Throws Error unless `images` is [N,H,W,in_channels].
  void check_images(const Tensor& images) const;
  /// The same, and H and W must be unit k + rest, k >= 1: pad_to says how much is missing.
  void check_images(const Tensor& images, int64_t unit, int64_t rest = 0) const;
  /// Pixels below and to the right of an image that bring it to such a size.
  InputPadding pad_to(int64_t height, int64_t width, int64_t unit, int64_t rest = 0) const;

 private:
  ModelConfig config_;
};

}  // namespace pixelgrad
