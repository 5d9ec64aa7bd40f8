#pragma once
// What the samples of the op table hold in OpSample::arguments, where it is not an op's own spec.
#include <cstdint>

#include "autograd/ops/upsample.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Of ops that take a size in pixels: adaptive pooling, center_crop2d.
struct SizeArguments {
  int64_t height, width;
};

/// Of upsample.
struct UpsampleArguments {
  int64_t height, width;
  UpsampleSpec spec;
};

/// Of upsample_scale.
struct UpsampleScaleArguments {
  int64_t factor;
  UpsampleSpec spec;
};

/// Of concat, of the inputs or of the only input with itself.
struct ConcatArguments {
  int axis = -1;
  bool twice = false;
};

/// Of slice.
struct SliceArguments {
  int axis;
  int64_t start, stop, step;
};

/// Of crop2d.
struct CropArguments {
  int64_t top, left, height, width;
};

}  // namespace pixelgrad
