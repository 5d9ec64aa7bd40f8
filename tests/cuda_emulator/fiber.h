#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace emulator {

/// A call stack of its own. Its body runs when it is resumed, may suspend itself anywhere, goes on
/// there when resumed again, and starts anew when resumed after it has returned. Fibers nest in no
/// other; one host thread at a time resumes them.
class Fiber {
 public:
  explicit Fiber(void (*body)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Runs the body until it suspends itself or returns.
  void resume();
  /// Called by a body: goes on behind resume().
  static void suspend();
  /// The fiber that runs, or null.
  static Fiber* running() { return running_; }
  /// Whether the body has returned, or was never started.
  bool idle() const { return idle_; }

 private:
  static void run_for_ever();

  static Fiber* running_;
  void (*body_)();
  bool idle_ = true;
  char* mapping_;               // a page that nobody may touch, and above it the stack
  void* context_;               // where to go on, while suspended
  void* fake_stack_ = nullptr;  // AddressSanitizer's
};

/// Fibers that are done with one thread and serve for another; stacks are mapped once and stay
/// warm.
class FiberPool {
 public:
  explicit FiberPool(void (*body)()) : body_(body) {}
  /// An idle fiber, which the pool goes on owning.
  Fiber* take();
  /// Takes an idle fiber back.
  void give_back(Fiber* fiber) { idle_.push_back(fiber); }

 private:
  void (*body_)();
  std::vector<std::unique_ptr<Fiber>> all_;
  std::vector<Fiber*> idle_;
};

}  // namespace emulator
