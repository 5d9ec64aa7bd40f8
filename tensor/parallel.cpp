#include "tensor/parallel.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace pixelgrad {
namespace {

thread_local bool inside_task = false;
thread_local int index_of_thread = 0;

int default_threads() {
  if (const char* text = std::getenv("PIXELGRAD_NUM_THREADS"))
    if (const int n = std::atoi(text); n >= 1) return n;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

/// Tells the processor that this is a loop that waits.
void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits until `value` is no longer `old`, and returns what it is. A sleeping thread takes tens of
/// microseconds to wake, more on a virtual machine, and the next job of a network is due within
/// less: so the wait begins awake. Not for long, as others may have use for the processor.
uint32_t wait_while(const std::atomic<uint32_t>& value, uint32_t old) {
  constexpr auto awake = std::chrono::microseconds(50);
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 16; ++i) {
      if (const uint32_t now = value.load(std::memory_order_acquire); now != old) return now;
      pause();
    }
  } while (std::chrono::steady_clock::now() - start < awake);
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

/// One job at a time. Workers wait until `generation` moves, join the job if it is still open, and
/// take task numbers from `next`. The caller takes some as well; when there are none left it closes
/// the job and waits for those who joined, but not for workers that have not come yet: the system
/// may have given their processors to somebody else.
class Pool {
 public:
  static Pool& instance() {
    static Pool pool;
    return pool;
  }

  int size() const { return size_; }

  void resize(int threads) {
    const std::lock_guard one_job(job_mutex_);
    stop();
    start(std::max(1, threads));
  }

  void run(int64_t tasks, const std::function<void(int64_t)>& task) {
    std::unique_lock one_job(job_mutex_, std::try_to_lock);
    if (!one_job.owns_lock() || size_ == 1) {
      for (int64_t i = 0; i < tasks; ++i) task(i);
      return;
    }
    task_ = &task;
    tasks_ = tasks;
    error_ = nullptr;
    next_.store(0, std::memory_order_relaxed);
    job_.store(open, std::memory_order_release);
    call_workers();
    work();
    uint32_t joined = job_.fetch_and(~open, std::memory_order_acq_rel) & ~open;
    while (joined > 0) joined = wait_while(job_, joined);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  static constexpr uint32_t open = uint32_t{1} << 31;

  Pool() { start(default_threads()); }
  ~Pool() { stop(); }

  void start(int threads) {
    size_ = threads;
    stopping_ = false;
    for (int i = 1; i < threads; ++i)
      workers_.emplace_back([this, i, seen = generation_.load()] {
        index_of_thread = i;
        loop(seen);
      });
  }

  void stop() {
    stopping_ = true;
    call_workers();
    workers_.clear();  // joins
  }

  void call_workers() {
    generation_.fetch_add(1, std::memory_order_acq_rel);
    generation_.notify_all();
  }

  void loop(uint32_t seen) {
    for (;;) {
      seen = wait_while(generation_, seen);
      if (stopping_) return;
      if (!join()) continue;
      work();
      if (job_.fetch_sub(1, std::memory_order_acq_rel) == 1) job_.notify_one();
    }
  }

  /// Counts this thread in, as long as the job is open. It cannot end before it is counted out.
  bool join() {
    uint32_t job = job_.load(std::memory_order_acquire);
    while (job & open)
      if (job_.compare_exchange_weak(job, job + 1, std::memory_order_acq_rel)) return true;
    return false;
  }

  void work() {
    inside_task = true;
    for (;;) {
      const int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= tasks_) break;
      try {
        (*task_)(i);
      } catch (...) {
        const std::lock_guard lock(error_mutex_);
        if (!error_) error_ = std::current_exception();
        next_.store(tasks_, std::memory_order_relaxed);
      }
    }
    inside_task = false;
  }

  std::mutex job_mutex_;  // held for a whole job
  const std::function<void(int64_t)>* task_ = nullptr;
  int64_t tasks_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<uint32_t> job_{0};  // `open`, and how many workers are in it
  std::atomic<uint32_t> generation_{0};
  std::atomic<bool> stopping_ = false;
  std::mutex error_mutex_;
  std::exception_ptr error_;
  std::atomic<int> size_{1};
  std::vector<std::jthread> workers_;
};

}  // namespace

int thread_index() { return index_of_thread; }
int num_threads() { return Pool::instance().size(); }
void set_num_threads(int threads) { Pool::instance().resize(threads); }

namespace detail {
void run_tasks(int64_t tasks, const std::function<void(int64_t)>& task) {
  if (inside_task) {
    for (int64_t i = 0; i < tasks; ++i) task(i);
    return;
  }
  Pool::instance().run(tasks, task);
}
}  // namespace detail

}  // namespace pixelgrad
