#include "models/model.h"

namespace pixelgrad {

void SegmentationModel::check_images(const Tensor& images) const {
  check(images.dims() == 4 && images.shape(3) == config_.in_channels, "[", config_.name,
        "] images are ", images.shape(), ", expected [N,H,W,", config_.in_channels, "]");
}

}  // namespace pixelgrad
