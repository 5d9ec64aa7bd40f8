#pragma once
#include "apps/engine/comparison.h"

namespace pixelgrad {

/// Writes compare.html into the comparison's folder: the table with links to the runs' reports, the
/// validation mIoU of all runs over epochs, the picture with the runs' names above it (`drawn` in
/// their order; empty where there is none), and what the runs' recipes have in common and where
/// they differ.
void write_comparison_page(const Comparison& comparison, const std::filesystem::path& picture,
                           const std::vector<const ComparedRun*>& drawn);

}  // namespace pixelgrad
