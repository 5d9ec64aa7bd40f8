#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace pixelgrad {

/// How much a command says on stderr.
struct Verbosity {
  bool quiet = false;     ///< nothing but errors
  bool terminal = false;  ///< stderr is a terminal: a moving bar
  bool color = false;     ///< a terminal, and NO_COLOR is not set

  /// From the terminal and the environment.
  static Verbosity detect(bool quiet);
};

/// "0:07", "12:34", "1:02:03"
std::string format_duration(double seconds);

/// 1234567 as "1,234,567".
std::string grouped(int64_t value);

/// Columns of the terminal behind a file descriptor; 80 where there is none.
int terminal_width(int descriptor);

/// A line on stderr that shows how far a loop is: label, bar, count, images a second, time left and
/// a note such as the loss. On a terminal it moves in place; elsewhere nothing is printed until
/// finish() writes one line, so that logs stay readable.
class Progress {
 public:
  Progress(const Verbosity& verbosity, std::string label, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` steps of total are finished; `images` images went through since the start.
  void update(int64_t done, int64_t images, const std::string& note);
  /// Erases the bar and writes `line` (the summary of the loop) instead.
  void finish(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;
  const Verbosity verbosity_;
  const std::string label_;
  const int64_t total_;
  int64_t first_ = -1;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_{};
  bool visible_ = false;
};

}  // namespace pixelgrad
