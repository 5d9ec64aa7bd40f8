#include "autograd/ops/padding.h"

#include <algorithm>

#include "tensor/mutant_internal.h"

namespace pixelgrad {

Padding::Sides Padding::along(int64_t size, int64_t window, int64_t stride) const {
  if (!is_same()) return {pixels_, pixels_};
  const int64_t outputs = (size + stride - 1) / stride;
  const int64_t total = std::max<int64_t>(0, (outputs - 1) * stride + window - size);
  const int64_t before = PIXELGRAD_MUTANT(same_padding_odd_pixel_on_top, total, total + 1) / 2;
  return {before, total - before};
}

}  // namespace pixelgrad
