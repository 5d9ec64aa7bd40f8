#pragma once
#include <emulator/thread.h>
#include <emulator/warp.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "tests/cuda_emulator/fiber.h"
#include "tests/cuda_emulator/order.h"

namespace emulator {

/// A kernel with all that its launch says of it.
struct Launch {
  std::string name;              // for messages
  std::function<void()> thread;  // does the work of one thread
  dim3 grid, block;
  size_t dynamic_bytes = 0;
};

/// Runs the threads of one block after another, each until it waits for others. Threads that never
/// wait share a fiber; one that does keeps the fiber until it has returned.
class Block {
 public:
  /// The one of the process; whoever uses it holds the device's mutex.
  static Block& instance();

  /// Runs a block of a launch. Throws KernelError where threads would wait for ever, and what a
  /// thread throws; the block's other threads are then unwound.
  void run(const Launch& launch, uint3 index, Sequence& order);
  bool running() const { return launch_ != nullptr; }
  /// How many blocks have run, this one included.
  uint64_t number() const { return number_; }

  // What the running thread asks for.
  int barrier(detail::Barrier kind, int predicate);
  void collective(const char* name, uint32_t mask, void* operand, WarpOperation operation);
  /// Its number in the block, x fastest.
  int current() const { return current_; }
  [[noreturn]] void fail(const std::string& what) const;

 private:
  enum class State : uint8_t { ready, at_barrier, in_collective, returned };
  struct Thread {
    State state;
    Fiber* fiber;  // null until it has waited once
    detail::Barrier barrier;
    bool predicate;
    const char* collective;
    uint32_t mask;
    void* operand;
  };
  /// Lanes of one warp that have come to a collective, whose others are awaited.
  struct Gathering {
    uint32_t mask, come;
    WarpOperation operation;
  };

  Block();
  static void start_threads();
  void enter(int thread);
  void expect_running(const char* what) const;
  void wait();
  void run_ready();
  bool release_barrier();
  void collect_ready(Sequence& order);
  void unwind();
  std::string where(const std::string& threads) const;
  std::string waiting() const;

  FiberPool fibers_;
  const Launch* launch_ = nullptr;
  uint64_t number_ = 0;
  int size_ = 0;
  std::vector<Thread> threads_;
  std::vector<uint3> indices_;                 // of the threads, for the extent of the last block
  std::vector<std::vector<Gathering>> warps_;  // per warp, what its lanes gather for
  std::vector<int> turn_;                      // the threads that are to go on, in order
  size_t next_ = 0;                            // how many of them have
  int current_ = 0;
  int barrier_count_ = 0;
  bool unwinding_ = false;
  std::exception_ptr error_;
};

}  // namespace emulator
