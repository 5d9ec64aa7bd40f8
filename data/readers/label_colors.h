#pragma once
#include <memory>

#include "data/dataset.h"

namespace pixelgrad::readers {

/// Format `label_colors`: masks are PNGs in which the colour of a pixel names its class (RGB or
/// palette), by {root}/label_colors.txt. Layouts: {split}/images and masks (or image and mask),
/// images and masks, or X.png with X_L.png beside it, in the root (CamSeq01) or in {split}.
///
/// Without a label_colors.txt the X_L.png layouts have the 32 classes of CamVid. Void classes, and
/// black where it is no class, are ignored; other unknown colours are a DataError on loading.
std::unique_ptr<Dataset> open_label_colors(const DatasetOptions& options);

}  // namespace pixelgrad::readers
