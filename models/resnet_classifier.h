#pragma once
#include <memory>

#include "layers/linear.h"
#include "models/resnet.h"
#include "models/weight_file.h"

namespace pixelgrad {

/// A whole ResNet for images of one object each: He, Zhang, Ren and Sun, CVPR 2016. The backbone,
/// the mean of its last features over the image, and one linear layer. Parameters have
/// torchvision's names: those of ResNet, fc.weight and fc.bias. It shows that the backbone of the
/// segmentation models computes what weights for ImageNet expect of it.
class ResNetClassifier : public Module {
 public:
  struct Options {
    ResNet::Options backbone;
    int64_t classes = 1000;
  };

  explicit ResNetClassifier(Options options);

  /// [N,H,W,in_channels] -> logits [N,classes]
  Tensor forward(const Tensor& images);

  const Options& options() const { return options_; }

 private:
  Options options_;
  ResNet& backbone_;
  Linear& fc_;
};

/// The classifier that a file of weights holds, in evaluation mode. The file's metadata say which:
/// "architecture" is resnet18, 34, 50, 101 or 152; where "stride_position" begins with "first 1x1",
/// blocks of three convolutions stride there as in the paper, else in the 3x3 as torchvision's. The
/// numbers of channels and classes follow from the shapes. Names and shapes must be the network's,
/// one for one; only the batch norms' counters may be missing. Throws CheckpointError that says
/// what is missing, left over or of another shape.
std::unique_ptr<ResNetClassifier> read_resnet_classifier(WeightFile& file);

}  // namespace pixelgrad
