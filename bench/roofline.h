#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "bench/machine.h"
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

  void add_to(CLI::App& app);
};

/// Measures calls and holds them against the roofline (Williams, Waterman and Patterson, "Roofline:
/// an insightful visual performance model for multicore architectures", CACM 2009): no call takes
/// less than max(flops / FMA peak, bytes / triad). Peak and triad are taken again and again between
/// the calls, and the best of the whole run count.
class Roofline {
 public:
  /// `program` is named in the JSON file. Throws UsageError for a filter that is no regular
  /// expression, Error where the JSON file cannot be written.
  Roofline(std::string program, RooflineOptions options);

  bool wanted(const CallName& name) const;

  /// Takes the shortest of several calls, each with cold caches: in training, what a layer reads
  /// was last touched some hundred MB ago. The first call is not counted.
  void measure(CallName name, const Work& work, const std::function<void()>& call);

  /// Prints the table and, for each direction, the geometric mean of the shares of the roofline and
  /// the worst; writes the JSON file. Returns the exit code: 1 when a call was faster than the
  /// peak, which says that the machine was disturbed while that was taken.
  int finish();

 private:
  struct Row {
    CallName name;
    Work work;
    double seconds;
    bool disturbed;  ///< another program took a core away in the call that counts
  };
  struct Shares {
    double peak, roofline;
    bool memory_bound;
  };

  struct Summary {
    std::string direction;
    int count = 0;
    double log_sum = 0;  ///< of the shares of the roofline
    const Row* worst = nullptr;
    double mean() const;
  };

  Shares shares(const Row& row) const;
  std::vector<Summary> summaries() const;
  void print() const;
  void write_json(bool discard);

  std::string program_;
  RooflineOptions options_;
  std::regex filter_;
  std::optional<AtomicFile> file_;
  MainMemory memory_;
  double peak_ = 0, lowest_peak_ = 0, triad_ = 0, triad_non_temporal_ = 0;
  std::vector<Row> rows_;
};

}  // namespace pixelgrad::bench
