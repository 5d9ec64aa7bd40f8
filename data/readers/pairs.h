#pragma once
#include <filesystem>
#include <memory>

#include "data/dataset.h"

namespace pixelgrad::readers {

/// A label pixel farther than this from every class colour (Euclidean in RGB) is ignored: at the
/// border of two classes JPEG makes colours that belong to neither.
inline constexpr double pair_color_distance = 60;

/// Format `pairs`: {root}/{split}/*.jpg or *.png, each a photo on the left and its colour label on
/// the right, as the Cityscapes image pairs of pix2pix (Isola et al., CVPR 2017). The folders of
/// the Kaggle archive, cityscapes_data/ in cityscapes_data/, may be left as they are.
///
/// Every label pixel takes the class of the nearest colour, for JPEG leaves few colours exact.
/// Colours are those of the options' classes, else of {root}/label_colors.txt, else of the 19
/// scored classes of Cityscapes. Void classes and black where it is no class are ignored.
std::unique_ptr<Dataset> open_pairs(const DatasetOptions& options);

/// The folder below (or at) `root` that holds split folders with image files; empty when none does.
std::filesystem::path find_pairs_root(const std::filesystem::path& root);

}  // namespace pixelgrad::readers
