#pragma once
#include <memory>

#include "data/dataset.h"

namespace pixelgrad::readers {

/// Format `streets`: scenes drawn on loading (data/streets.h), without a file.
std::unique_ptr<Dataset> open_streets(const DatasetOptions& options);

}  // namespace pixelgrad::readers
