#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "autograd/graph.h"
#include "autograd/watch_internal.h"

// What checkpoint() needs of the graph.
namespace pixelgrad {

/// While one lives, ops on this thread do what they do where they are recorded, with the same bits,
/// and grad_enabled and needs_grad say the same; but nothing of them stays for a backward. Notes
/// what they read that was there before.
class Rehearsal {
 public:
  Rehearsal();
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// Notes x, to watch it and, where it is older than this, for its gradient.
  void read(const Tensor& x);

  /// True when a gradient is wanted of what was read.
  bool needs_grad() const { return !sources_.empty(); }

  /// Records a node that depends on all that was read, and returns its output, which has no
  /// elements: later nodes hang on it by that. To be called once, after the ops.
  Tensor record(const char* op, std::function<void()> backward);

 private:
  Rehearsal* before_;
  uint64_t first_id_;
  std::vector<std::shared_ptr<GradSource>> sources_;
  std::vector<Watch> values_;
};

/// True while a Rehearsal lives on this thread.
bool rehearsing();

/// For an op that reads a value which is not among record()'s inputs: it must not be overwritten in
/// a checkpoint, which will read it again.
void relies_on(const Tensor& value);

/// Calls forward() with recording on and recomputing() true. For use by a backward.
void rerun(const std::function<void()>& forward);

/// For use by a backward: goes on with the graph behind y, whose gradient is dy, as if that had
/// been recorded where the node is that runs.
void continue_backward(const Tensor& y, Tensor dy);

}  // namespace pixelgrad
