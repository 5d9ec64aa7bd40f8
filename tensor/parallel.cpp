#include "tensor/parallel.h"

#include <sched.h>

#include <atomic>
#include <condition_variable>
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

/// One job at a time: workers sleep until `generation` moves, then take task numbers from `next`.
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
    {
      const std::lock_guard lock(mutex_);
      task_ = &task;
      tasks_ = tasks;
      next_.store(0, std::memory_order_relaxed);
      error_ = nullptr;
      busy_ = size_ - 1;
      ++generation_;
    }
    wake_.notify_all();
    work(task, tasks);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return busy_ == 0; });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  Pool() { start(default_threads()); }
  ~Pool() { stop(); }

  void start(int threads) {
    size_ = threads;
    stopping_ = false;
    for (int i = 1; i < threads; ++i)
      workers_.emplace_back([this, i, seen = generation_] {
        index_of_thread = i;
        loop(seen);
      });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    workers_.clear();  // joins
  }

  void loop(uint64_t seen) {
    for (;;) {
      const std::function<void(int64_t)>* task;
      int64_t tasks;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
        if (stopping_) return;
        seen = generation_;
        task = task_;
        tasks = tasks_;
      }
      work(*task, tasks);
      bool last;
      {
        const std::lock_guard lock(mutex_);
        last = --busy_ == 0;
      }
      if (last) done_.notify_one();
    }
  }

  void work(const std::function<void(int64_t)>& task, int64_t tasks) {
    inside_task = true;
    for (;;) {
      const int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= tasks) break;
      try {
        task(i);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
        next_.store(tasks, std::memory_order_relaxed);
      }
    }
    inside_task = false;
  }

  std::mutex job_mutex_;  // held for a whole job
  std::mutex mutex_;      // guards what follows
  std::condition_variable wake_, done_;
  const std::function<void(int64_t)>* task_ = nullptr;
  int64_t tasks_ = 0;
  uint64_t generation_ = 0;
  int busy_ = 0;
  bool stopping_ = false;
  std::exception_ptr error_;
  std::atomic<int64_t> next_{0};
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
