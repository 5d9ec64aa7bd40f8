#pragma once
#include <vector>

#include "layers/dropout.h"
#include "models/heads.h"
#include "models/model.h"
#include "models/resnet.h"

namespace pixelgrad {

/// PSPNet on a ResNet: Zhao, Shi, Qi, Wang and Jia, "Pyramid scene parsing network", CVPR 2017.
///
/// Pyramid pooling: the backbone's output is averaged into 1, 2 x 2, 3 x 3 and 6 x 6 bins, each of
/// these goes through a 1x1 convolution and is resized bilinearly, and all are joined with the
/// output itself on the way to the classes.
///
/// style=paper is the authors' network (their PyTorch code, semseg), with its parameter names: a
/// dilated backbone with a deep stem, a 3x3 convolution behind the pyramid, an auxiliary head on
/// the third stage. Height and width are 8 k + 1, so that corners of images and features meet.
/// style=smp is segmentation_models_pytorch's, with its names: a plain backbone of which the last
/// two stages are there but are not run (encoder_depth=3), a 1x1 convolution behind the pyramid, no
/// batch norm in its single bin, no auxiliary head. Height and width are multiples of 8.
class PspNet : public SegmentationModel {
 public:
  static ModelInfo info(int64_t depth);

  /// `config` complete with all options, as make_model gives it.
  explicit PspNet(const ModelConfig& config);
  InputPadding input_padding(int64_t height, int64_t width) const override;

 private:
  ModelOutput compute(const Tensor& images) override;

  /// A level of the pyramid, which joins bins x bins means of the features.
  struct Level {
    int64_t bins;
    ConvBnAct* conv;
  };

  /// The features and all levels, for the convolution that reads them as one.
  std::vector<Tensor> pyramid(const Tensor& features);
  /// Height and width of images are unit() k + rest().
  int64_t unit() const { return backbone_->stride(last_stage_); }
  int64_t rest() const { return paper_ ? 1 : 0; }

  bool paper_;
  int last_stage_;  ///< of the backbone, that is run
  ResNet* backbone_;
  std::vector<Level> levels_;
  ConvBnAct* join_;
  Dropout2d* dropout_;
  Conv2d* classify_;
  ConvHead* aux_ = nullptr;
  double aux_weight_;
};

}  // namespace pixelgrad
