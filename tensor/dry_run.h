#pragma once

namespace pixelgrad {

/// While one lives, dispatch() on this thread runs no kernel: ops check their arguments and return
/// tensors of the right shape, whose values are whatever was in memory. Memory that nobody touches
/// costs nothing, so the shapes of a network of any size are known at once.
class DryRun {
 public:
  DryRun() : previous_(on_) { on_ = true; }
  ~DryRun() { on_ = previous_; }
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;

  /// True while one lives on this thread.
  static bool on() { return on_; }

 private:
  static inline thread_local bool on_ = false;
  bool previous_;
};

}  // namespace pixelgrad
