#pragma once
#include <string>
#include <vector>

#include "bench/machine.h"
#include "tensor/kernels/conv2d.h"

// The convolutions of the networks, and what each costs at least.
namespace pixelgrad::bench {

/// A convolution of square images, padded so that height and width are kept up to the stride
/// (a kernel as large as the stride, as in up-convolutions, is not padded).
struct ConvShape {
  int64_t batch = 1, size = 1;  ///< of the input
  int64_t in_channels = 1, out_channels = 1, kernel = 1;
  int64_t stride = 1, dilation = 1, groups = 1;
  bool transposed = false;

  bool operator==(const ConvShape&) const = default;
};

/// "3x3 256->256 dilation 2 at 2x32x32"
std::string to_string(const ConvShape& shape);

enum class Direction { forward, input_gradient, weight_gradient };

/// What the kernels are called with for one direction of a convolution: a transposed one is the
/// input gradient of another convolution, whose sizes these are; its input gradient is a forward.
struct ConvCall {
  kernels::Conv2dGeometry geometry;
  Direction direction;
};
ConvCall conv_call(const ConvShape& shape, Direction direction);

/// Multiplications and additions of taps inside the image; each value that is used read or written
/// once (f32): pixels that a stride skips and taps that never meet the image are not read, but
/// their gradients are written.
Work least_work(const ConvCall& call);

/// All convolutions of one forward, in order; what occurs twice is listed twice, and the first
/// reads the images. Images are size x size, with 3 channels; size is a multiple of 16, for PSPNet
/// also one of 8 plus 1, as its authors have it.
struct ConvNet {
  int64_t batch = 2, size = 256, classes = 34;
};
/// U-Net with batch norm, padding=same and transposed convolutions.
std::vector<ConvShape> unet(const ConvNet& net, int64_t width);
/// torchvision's deeplabv3_resnet50 (output stride 8) without auxiliary head.
std::vector<ConvShape> deeplabv3_resnet50(const ConvNet& net);
/// segmentation_models.pytorch's DeepLabV3Plus with resnet50 (output stride 16).
std::vector<ConvShape> deeplabv3plus_resnet50(const ConvNet& net);
/// PSPNet of Zhao et al., CVPR 2017, with ResNet-50 (deep stem, output stride 8), without auxiliary
/// head.
std::vector<ConvShape> pspnet_resnet50(const ConvNet& net);
/// The PSPNet of Keras tutorials, which keeps the resolution of the image.
std::vector<ConvShape> pspnet_keras(const ConvNet& net);

}  // namespace pixelgrad::bench
