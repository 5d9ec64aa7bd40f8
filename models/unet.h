#pragma once
#include <vector>

#include "layers/conv.h"
#include "layers/conv_bn_act.h"
#include "layers/dropout.h"
#include "models/model.h"

namespace pixelgrad {

/// U-Net: Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
/// segmentation", MICCAI 2015.
///
/// A contracting path of `depth` poolings, at each level two 3x3 convolutions, the channels
/// doubling from `width`; then an expanding path that at each level doubles height and width, joins
/// the features of the same level of the contracting path (the skip), and again convolves twice.
///
/// padding=same keeps height and width and takes multiples of 2^depth. padding=valid is the paper's
/// own: convolutions only see pixels inside the image, so the logits are smaller than the image by
/// 12 * 2^depth - 8 (572 -> 388 at depth 4), and the skips are cropped. Parameters are named as in
/// the PyTorch re-implementation in common use (inc, down1, ..., up1, ..., outc).
class UNet : public SegmentationModel {
 public:
  static ModelInfo info();

  /// `config` complete with all options, as make_model gives it.
  explicit UNet(const ModelConfig& config);
  InputPadding input_padding(int64_t height, int64_t width) const override;

 private:
  ModelOutput compute(const Tensor& images) override;

  /// (3x3 convolution, batch norm, ReLU) twice. [N,H,W,in] -> [N,H',W',out]
  class DoubleConv;
  /// One level of the expanding path.
  struct Up {
    ConvTranspose2d* transposed;  ///< null in the bilinear decoder
    DoubleConv* conv;
  };

  /// One level: x from the level below, enlarged and joined with the skip.
  Tensor expand(const Up& up, Tensor x, Tensor skip);
  /// How many pixels of the image the logits lack on each side.
  int64_t margin() const;
  /// The smallest height or width of an image whose logits cover at least `size` pixels.
  int64_t padded_size(int64_t size) const;
  /// Whether forward takes images of this height or width.
  bool accepts(int64_t size) const;

  int64_t depth_;
  bool valid_;
  std::vector<DoubleConv*> down_;
  std::vector<Up> up_;
  Dropout* dropout_;
  Conv2d* classify_;
};

}  // namespace pixelgrad
