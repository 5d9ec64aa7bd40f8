#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace pixelgrad::cpu {

/// Brings memory that will be needed soon to the second cache, a few lines at a time, so that
/// memory and arithmetic work at the same time.
class ReadAhead {
 public:
  /// Lines that are neighbours, for a loop to ask for one by one: all at once would wait for each
  /// other.
  struct Piece {
    const char* first = nullptr;
    int64_t bytes = 0;
  };

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

  void fetch() { fetch(lines_a_call_); }

  /// Instead of fetch(): the lines of a call, as far as they are neighbours, for a loop of `steps`.
  /// Others are asked for here, and so are all where they are few.
  Piece take(int64_t steps) {
    if (run_ == runs_.size()) return {};
    if (lines_a_call_ < steps / 16) {
      fetch();
      return {};
    }
    const Run& run = runs_[run_];
    const int64_t left = (run.bytes - offset_ + line - 1) / line;
    const int64_t lines = std::min({lines_a_call_, steps, left});
    const Piece piece{run.first + row_ * run.step + offset_, lines * line};
    advance(lines);
    fetch(lines_a_call_ - lines);
    return piece;
  }

 private:
  void fetch(int64_t lines) {
    for (int64_t i = 0; i < lines && run_ < runs_.size(); ++i) {
      const Run& run = runs_[run_];
      __builtin_prefetch(run.first + row_ * run.step + offset_, 0, 2);
      advance(1);
    }
  }

  /// By lines of one row of the run.
  void advance(int64_t lines) {
    const Run& run = runs_[run_];
    offset_ += lines * line;
    if (offset_ < run.bytes) return;
    offset_ = 0;
    if (++row_ < run.rows) return;
    row_ = 0;
    ++run_;
  }

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
