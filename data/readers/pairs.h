#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace pixelgrad::readers {

/// Format `pairs`: {root}/{split}/*.jpg or *.png, each a photo on the left and its colour label on
/// the right, as the Cityscapes image pairs of pix2pix (Isola et al., CVPR 2017). The folders of
/// the Kaggle archive, cityscapes_data/ in cityscapes_data/, and a folder cityscapes/ may be left
/// as they are.
///
/// Every label pixel takes the class of the nearest colour (pair_labels.h), for JPEG leaves few
/// colours exact. Colours are those of the options' classes, else of {root}/label_colors.txt, else
/// of Cityscapes: the 19 scored classes, or the 30 that have a colour. Void classes and black where
/// it is no class are ignored.
std::unique_ptr<Dataset> open_pairs(const DatasetOptions& options);

/// The folder below (or at) `root` that holds split folders with image files, by preference train,
/// val or test; empty when none does.
std::filesystem::path find_pairs_root(const std::filesystem::path& root);

/// Names of the splits in a folder of pairs: those of train, val and test that hold images; where
/// none of them does, all folders that hold images. A folder of figures beside train is no split.
std::vector<std::string> pair_splits(const std::filesystem::path& root);

}  // namespace pixelgrad::readers
