#pragma once
#include <memory>

#include "data/dataset.h"

namespace pixelgrad::readers {

/// Format `folder`: {root}/{split}/images and masks, or {root}/images and masks divided by the
/// split rule. Masks are PNGs of class ids, gray levels or palette indices; 255 is ignored.
///
/// Classes come from the options, else from {root}/classes.txt (a name a line), else from
/// {root}/label_colors.txt. Without any, all masks of all splits are read once, so that train and
/// val agree, and classes are named "0" up to the largest id found. DataError when that finds a
/// single class, as in masks of 0 and 255.
std::unique_ptr<Dataset> open_folder(const DatasetOptions& options);

/// Format `segnet`: {root}/{split}/ and {root}/{split}annot/ as SegNet's CamVid: gray ids 0 to 10
/// of the 11 groups, 11 is unlabelled. With classes in the options or in {root}/classes.txt, their
/// ids, and the number of classes is unlabelled.
std::unique_ptr<Dataset> open_segnet(const DatasetOptions& options);

}  // namespace pixelgrad::readers
