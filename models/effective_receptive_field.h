#pragma once
#include <optional>

#include "models/model.h"
#include "models/receptive_box.h"

namespace pixelgrad {

/// How much each pixel of an image moves one pixel of what a network puts out: the effective
/// receptive field of Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field in
/// deep convolutional neural networks", NIPS 2016.
struct EffectiveReceptiveField {
  PixelPosition output;  ///< the pixel that is asked about
  PixelPosition center;  ///< the pixel of the image at the same place
  PixelBox theoretical;  ///< all that it can depend on: receptive_box
  Tensor density;        ///< f64 [H,W], a share of the whole gradient for each pixel; sum 1
};

struct EffectiveReceptiveFieldOptions {
  std::optional<PixelPosition> output = {};  ///< left out: the middle one
  uint64_t seed = 0;                         ///< of the cotangents
};

/// For images [N,H,W,C], f32 or f64, as the network gets them: the gradient of output pixel p,
/// |d <v, y[p]> / d image|, summed over the channels of the image, averaged over the N images and
/// divided by its sum.
///
/// v is drawn anew for each image, a standard normal number for each of the K channels of y. Over
/// many draws |<v, g>| is in the mean sqrt(2 / pi) times the length of g, so that every channel
/// counts, with its size alone. v = 1 would ask about the sum of all classes' logits, of which
/// neither a softmax nor its loss knows anything.
///
/// What `network` reads that needs a gradient gets one, as from any backward(). Throws Error where
/// `network` or receptive_box do, without images, and where the gradient is 0 everywhere or is not
/// finite.
EffectiveReceptiveField effective_receptive_field(
    const ImageFunction& network, const Tensor& images,
    const EffectiveReceptiveFieldOptions& options = {});

/// Of a model's logits, in evaluation mode, where batch norm is a scale and a shift. (In training
/// its statistics join every pixel with every other.) Mode and gradients of the model stay as they
/// were. `images` have the dtype of the model; in f64 no pixel outside of `theoretical` gets
/// anything but 0, whereas Winograd's convolutions, which f32 may use, leave rounding errors there.
EffectiveReceptiveField effective_receptive_field(
    SegmentationModel& model, const Tensor& images,
    const EffectiveReceptiveFieldOptions& options = {});

/// How much of the gradient comes from inside a box, 0 to 1; exactly 1 where none is outside.
double share_inside(const EffectiveReceptiveField& field, const PixelBox& box);

/// The smallest square around `center`, of odd side and cut off at the borders of the image, from
/// which at least `share` of the gradient comes, 0 < share <= 1.
struct CenteredBox {
  int64_t side = 1;  ///< before the cut
  PixelBox box;
};
CenteredBox smallest_box(const EffectiveReceptiveField& field, double share);

}  // namespace pixelgrad
