#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/yardstick.h"
#include "tensor/atomic_file.h"

namespace pixelgrad::bench {

/// What one measured call is called.
struct CallName {
  std::string group;  ///< heading of the table
  std::string what;
  std::string direction;  ///< "forward", "weight gradient": summed up at the end, each for itself
  std::string note;       ///< shown at the end of the row
};

struct RooflineOptions {
  std::string filter = "";  ///< regular expression: only calls "GROUP: WHAT/DIRECTION" that match
  std::string json = "";    ///< file to write; empty: none
  bool warm = false;        ///< leave the caches as the last call left them
  Device device = Device::cpu;
  bool loop_peak = false;  ///< also hold calls against the yardstick's loop_peak()

  void add_to(CLI::App& app);
};

/// Measures calls and holds them against the roofline (Williams, Waterman and Patterson, "Roofline:
/// an insightful visual performance model for multicore architectures", CACM 2009): no call takes
/// less than max(flops / compute peak, bytes / memory peak). These, by the device's Yardstick, and
/// the call take turns, so that a machine that slows down does so for all three.
class Roofline {
 public:
  /// `program` is named in the JSON file. Throws UsageError for a filter that is no regular
  /// expression, Error where the JSON file cannot be written.
  Roofline(std::string program, RooflineOptions options);

  bool wanted(const CallName& name) const;

  /// Some rounds of both peaks and the call, of which the first is not counted.
  void measure(CallName name, const Work& work, const std::function<void()>& call);

  /// Prints the table and, for each direction, the geometric mean of the shares of the roofline and
  /// the worst; writes the JSON file. Returns the exit code: 1 when a call was faster than the
  /// peak, which says that the machine was disturbed while that was taken.
  int finish();

 private:
  struct Row {
    CallName name;
    Work work;
    double seconds, best_seconds;  ///< median, shortest
    double peak, roofline;         ///< shares of them, medians of the rounds
    double loop_roofline;          ///< share of the roofline of the loop's peak; 0: none
    double best_roofline;          ///< of the shortest call, by the best peaks
    bool memory_bound;
  };

  struct Summary {
    std::string direction;
    int count = 0;
    double log_sum = 0, best_log_sum = 0, loop_log_sum = 0;  ///< of the shares of the roofline
    const Row* worst = nullptr;
    double mean() const;
    double best_mean() const;
    double loop_mean() const;
  };

  std::vector<Summary> summaries() const;
  void print() const;
  void write_json(bool discard);

  std::string program_;
  RooflineOptions options_;
  std::regex filter_;
  std::optional<AtomicFile> file_;
  std::unique_ptr<Yardstick> yardstick_;
  std::vector<double> peaks_, loop_peaks_, memory_peaks_;  ///< of all rounds, GFLOP/s and GB/s
  std::vector<Row> rows_;
};

}  // namespace pixelgrad::bench
