#pragma once
#include "data/normalize.h"
#include "models/model.h"

namespace pixelgrad {

/// Class scores for images of any size: pads as the model asks (reflecting at the border), runs it
/// in evaluation mode without a graph, and crops. images [N,H,W,C] -> logits [N,H,W,K], both on the
/// CPU, wherever the model is.
Tensor predict_logits(SegmentationModel& model, const Tensor& images);

/// A photo as the network takes it. f32 [1,H,W,3]
Tensor normalized(const Image& photo, const Normalization& normalization);

/// The class with the largest score, the first one on a tie. logits [..., K] -> i32 [...].
Tensor argmax_classes(const Tensor& logits);

/// Images padded by reflection, as often as it takes when the padding is wider than the image.
/// [N,H,W,C] -> [N, top+H+bottom, left+W+right, C]; the same handle when nothing is to be done.
Tensor pad_reflect(const Tensor& images, const InputPadding& padding);

/// Labels [N,H,W] in the top left corner of [N, height, width], the rest ignored.
Tensor pad_labels(const Tensor& labels, int64_t height, int64_t width);

/// The top left corner [N, height, width, C] of images or scores [N,H,W,C].
Tensor crop_top_left(const Tensor& x, int64_t height, int64_t width);

}  // namespace pixelgrad
