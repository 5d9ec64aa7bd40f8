#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>

namespace pixelgrad {

/// Threads that parallel_for uses, the caller included. At first PIXELGRAD_NUM_THREADS, or else the
/// processors this process may run on.
int num_threads();

/// Sets the number of threads (at least 1). Not while a parallel_for runs.
void set_num_threads(int threads);

/// The number of the thread that runs the current task, in [0, num_threads()): no two tasks of one
/// parallel_for that run at the same time see the same. 0 outside of tasks.
int thread_index();

namespace detail {
void run_tasks(int64_t tasks, const std::function<void(int64_t)>& task);
}

/// Calls f(i) for every i in [0, tasks), in any order and on several threads, and returns when all
/// are done. What a task computes must not depend on the thread: work is cut into tasks by shape
/// alone, so results have the same bits for any number of threads. A call from inside a task, or
/// while another thread holds the pool, runs on the caller. The first exception is rethrown.
template <class F>
void parallel_for(int64_t tasks, F&& f) {
  if (tasks <= 0) return;
  if (tasks == 1) {
    f(int64_t{0});
    return;
  }
  detail::run_tasks(tasks, std::function<void(int64_t)>(std::ref(f)));
}

/// Cuts [0, n) into tiles of `grain` and calls f(begin, end) for each, in parallel.
template <class F>
void parallel_range(int64_t n, int64_t grain, F&& f) {
  const int64_t tiles = (n + grain - 1) / grain;
  parallel_for(tiles, [&](int64_t i) { f(i * grain, std::min(n, (i + 1) * grain)); });
}

}  // namespace pixelgrad
