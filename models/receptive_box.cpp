#include "models/receptive_box.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "autograd/trace.h"

namespace pixelgrad {
namespace {

/// The rows and columns of an image, or of features, that something depends on.
struct Region {
  PixelRange rows, columns;
};

PixelRange joined(const PixelRange& a, const PixelRange& b) {
  return {std::min(a.first, b.first), std::max(a.last, b.last)};
}

void join(std::optional<Region>& into, const Region& region) {
  if (into)
    *into = {joined(into->rows, region.rows), joined(into->columns, region.columns)};
  else
    into = region;
}

/// What an op reads of an axis of `size` pixels for the pixels `out` of what it puts out.
PixelRange read_for(const PixelRange& out, const TraceAxis& axis, int64_t size) {
  PixelRange in = out;
  if (axis.whole) {
    in = {0, size - 1};
  } else if (axis.reads) {
    in = axis.reads(out.first);
    for (int64_t o = out.first + 1; o <= out.last; ++o) in = joined(in, axis.reads(o));
  }
  // A factor for whole rows or columns has a single one, which all pixels read.
  return {std::clamp<int64_t>(in.first, 0, size - 1), std::clamp<int64_t>(in.last, 0, size - 1)};
}

/// Which ops depend on the image.
std::vector<bool> ops_on(const std::vector<TracedOp>& ops, const GradSource* image) {
  std::vector<bool> depends(ops.size());
  for (size_t i = 0; i < ops.size(); ++i)
    depends[i] =
        std::any_of(ops[i].inputs.begin(), ops[i].inputs.end(), [&](const TracedOp::Input& input) {
          return input.op < 0 ? input.leaf.get() == image : depends[static_cast<size_t>(input.op)];
        });
  return depends;
}

}  // namespace

PixelBox receptive_box(const ImageFunction& network, const Shape& image, PixelPosition output,
                       Dtype dtype) {
  Trace trace;
  const Tensor x = require_grad(Tensor::empty(image, dtype));
  const Tensor y = network(x);
  check(image.size() == 4 && y.dims() == 4, "[receptive_box] from ", image, " to ", y.shape(),
        ", expected images [N,H,W,C] to values [N,h,w,K]");
  check(output.y >= 0 && output.y < y.shape(1) && output.x >= 0 && output.x < y.shape(2),
        "[receptive_box] pixel (", output.y, ", ", output.x, ") of an output ", y.shape());

  std::optional<Region> seen;  // of the image
  const std::vector<TracedOp>& ops = trace.ops();
  const std::vector<bool> depends = ops_on(ops, x.source().get());
  std::vector<std::optional<Region>> wanted(ops.size());
  wanted.at(static_cast<size_t>(trace.index_of(y))) =
      Region{{output.y, output.y}, {output.x, output.x}};
  for (size_t i = ops.size(); i-- > 0;) {
    const TracedOp& op = ops[i];
    if (!wanted[i] || !depends[i]) continue;
    check(op.window.has_value(), "[receptive_box] op '", op.name, "' with output ", op.shape,
          " does not say which pixels it reads");
    for (const TracedOp::Input& input : op.inputs) {
      const bool of_image = input.op < 0 && input.leaf == x.source();
      if (!of_image && (input.op < 0 || !depends[static_cast<size_t>(input.op)])) continue;
      join(of_image ? seen : wanted[static_cast<size_t>(input.op)],
           {read_for(wanted[i]->rows, op.window->height, input.shape.at(1)),
            read_for(wanted[i]->columns, op.window->width, input.shape.at(2))});
    }
  }
  check(seen.has_value(), "[receptive_box] the output ", y.shape(),
        " does not depend on the image ", image);
  return {seen->rows.first, seen->columns.first, seen->rows.last - seen->rows.first + 1,
          seen->columns.last - seen->columns.first + 1};
}

}  // namespace pixelgrad
