#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/graph.h"
#include "tensor/dry_run.h"

// What a network would do, without doing it: shapes, and which pixels depend on which.
namespace pixelgrad {

/// Pixels of an axis, both ends counted. The first may lie before the image, the last behind it.
struct PixelRange {
  int64_t first = 0, last = 0;
};

/// Which pixels of its input one output pixel of an op reads, along one axis.
struct TraceAxis {
  int64_t span = 1;    ///< from the first to the last, both counted, also in the padding
  double step = 1;     ///< input pixels from what one output pixel reads to what the next one does
  bool whole = false;  ///< all of them: global pooling, a norm that takes statistics
  /// Where output pixel `out` reads; left out where it is the pixel of its own number, or all.
  std::function<PixelRange(int64_t out)> reads = {};
};

/// Both axes of an image.
struct TraceWindow {
  TraceAxis height, width;
};

/// One op, as record() saw it.
struct TracedOp {
  struct Input {
    int64_t op = -1;                   ///< number of the traced op that it comes from, or -1
    std::shared_ptr<GradSource> leaf;  ///< of a parameter or another leaf; else null
    Shape shape;
  };
  std::string name;
  std::vector<Input> inputs = {};  ///< as the op names them; an undefined one has an empty shape
  Shape shape = {};
  bool is_view = false;  ///< the output has the memory of an input
  /// Set for ops that turn images into images; others have other dimensions, or no fixed window.
  std::optional<TraceWindow> window = {};
};

/// While one lives, ops on this thread run dry (DryRun), and those that read a tensor which needs a
/// gradient are noted in turn. Their outputs can be handed to other ops, not to backward().
///
///   Trace trace;
///   model.forward(require_grad(Tensor::empty({1, 512, 512, 3}, Dtype::f32)));
///   for (const TracedOp& op : trace.ops()) ...
///
/// Throws Error where a NoGrad scope is open.
class Trace {
 public:
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  const std::vector<TracedOp>& ops() const { return ops_; }
  /// The number of the op that computed x. Throws Error where none here did.
  int64_t index_of(const Tensor& x) const;

  /// For record(): notes an op and returns its output.
  Tensor note(const char* op, const Tensor& y, const std::vector<Tensor>& inputs);
  /// For trace_window(): what the op reads that is noted next.
  void expect(TraceWindow window) { next_window_ = std::move(window); }
  /// The one that lives on this thread, or null.
  static Trace* current();

 private:
  DryRun dry_;
  Trace* outer_;
  std::vector<TracedOp> ops_;
  std::optional<TraceWindow> next_window_;
};

/// For ops: what the op reads that is recorded next. An op that says nothing, and whose output is
/// as high and wide as its first input, reads the pixel that it writes. `window` returns the
/// TraceWindow; it is only called while something is traced.
template <class F>
void trace_window(F&& window) {
  if (Trace* trace = Trace::current()) trace->expect(window());
}

}  // namespace pixelgrad
