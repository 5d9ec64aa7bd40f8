#pragma once
#include <vector>

#include "layers/conv_bn_act.h"
#include "models/model.h"

namespace pixelgrad {

/// A small PSPNet that keeps the image's full resolution throughout, as it is found in Keras
/// tutorials on Cityscapes image pairs; 713,839 parameters with three outputs, of which 2,694 are
/// running statistics. Pyramid pooling: Zhao et al., "Pyramid scene parsing network", CVPR 2017.
///
/// Three residual blocks of 1x1, dilated 3x3 and 1x1 convolutions with batch norm and leaky ReLU,
/// beside a 3x3 one; then the features joined with their means over the image and over squares of
/// 2, 4 and 8 pixels, each through a 1x1 convolution and resized; a 3x3 convolution and batch norm.
/// Conventions are Keras's: biases before batch norm, its epsilon 1e-3 and momentum 0.99, its first
/// values. Parameters have the layers' names there: block_1_a.weight is the kernel of block_1_a,
/// block_1_batch_norm_a.weight its gamma. The logits are what goes into the tutorials' sigmoid.
/// Height and width are multiples of 8.
class PspNetKeras : public SegmentationModel {
 public:
  static ModelInfo info();

  /// `config` complete with all options, as make_model gives it.
  explicit PspNetKeras(const ModelConfig& config);
  InputPadding input_padding(int64_t height, int64_t width) const override;

 private:
  ModelOutput compute(const Tensor& images) override;

  class Block;
  struct Branch {
    int64_t square;  ///< pixels that are averaged, in each direction; 0: the whole image
    Conv2d* conv;
  };

  std::vector<Block*> blocks_;
  std::vector<Branch> branches_;
  Conv2d* last_;
  BatchNorm2d* last_bn_;
};

}  // namespace pixelgrad
