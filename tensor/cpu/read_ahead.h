#pragma once
#include <cstdint>
#include <vector>

namespace pixelgrad::cpu {

/// Brings memory that will be needed soon to the second cache, a few lines at a time, so that
/// memory and arithmetic work at the same time.
class ReadAhead {
 public:
  void clear() {
    runs_.clear();
    lines_ = lines_a_call_ = row_ = offset_ = 0;
    run_ = 0;
  }

  /// `rows` pieces of `bytes` each, from one `step` to the next.
  void add(const void* first, int64_t bytes, int64_t step, int64_t rows) {
    if (bytes <= 0 || rows <= 0) return;
    runs_.push_back({static_cast<const char*>(first), bytes, step, rows});
    lines_ += rows * ((bytes + line - 1) / line);
  }
  void add(const void* first, int64_t bytes) { add(first, bytes, bytes, 1); }

  /// From now on, `calls` calls of fetch() bring everything.
  void spread(int64_t calls) { lines_a_call_ = calls > 0 ? (lines_ + calls - 1) / calls : 0; }

  void fetch() {
    for (int64_t i = 0; i < lines_a_call_; ++i) {
      if (run_ == runs_.size()) return;
      const Run& run = runs_[run_];
      __builtin_prefetch(run.first + row_ * run.step + offset_, 0, 2);
      offset_ += line;
      if (offset_ < run.bytes) continue;
      offset_ = 0;
      if (++row_ < run.rows) continue;
      row_ = 0;
      ++run_;
    }
  }

 private:
  static constexpr int64_t line = 64;
  struct Run {
    const char* first;
    int64_t bytes, step, rows;
  };
  std::vector<Run> runs_;
  int64_t lines_ = 0, lines_a_call_ = 0;
  size_t run_ = 0;
  int64_t row_ = 0, offset_ = 0;
};

}  // namespace pixelgrad::cpu
