#pragma once
#include <filesystem>
#include <memory>

#include "data/dataset.h"

namespace pixelgrad::readers {

/// Format `cityscapes` (Cordts et al., CVPR 2016), as the archives unpack:
///
///     {root}/leftImg8bit/{split}/{city}/{name}_leftImg8bit.png
///     {root}/gtFine/{split}/{city}/{name}_gtFine_labelIds.png
///
/// Labels "19" (the default) are the train ids, everything else ignored; labels "34" are the ids of
/// the files. Both score the 19 classes of the official evaluation. The test split's masks hold no
/// classes, for its labels are not public.
std::unique_ptr<Dataset> open_cityscapes(const DatasetOptions& options);

/// True when `root` holds leftImg8bit or gtFine.
bool looks_like_cityscapes(const std::filesystem::path& root);

}  // namespace pixelgrad::readers
