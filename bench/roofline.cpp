#include "bench/roofline.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/engine/version.h"
#include "tensor/parallel.h"

namespace pixelgrad::bench {
namespace {

using Json = nlohmann::ordered_json;

/// How often the scheduler took a core away from one of our threads.
int64_t preemptions() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

}  // namespace

void RooflineOptions::add_to(CLI::App& app) {
  app.add_option("--filter", filter,
                 "Only rows 'GROUP: WHAT/DIRECTION' that match this expression");
  app.add_option("--json", json, "Write the results to this file");
  app.add_flag("--warm", warm, "Do not empty the caches before each call");
}

Roofline::Roofline(std::string program, RooflineOptions options)
    : program_(std::move(program)), options_(std::move(options)) {
  try {
    filter_ = std::regex(options_.filter);
  } catch (const std::regex_error& e) {
    throw UsageError(str("--filter '", options_.filter, "': ", e.what()));
  }
  if (!options_.json.empty()) file_.emplace(options_.json);
}

bool Roofline::wanted(const CallName& name) const {
  return std::regex_search(str(name.group, ": ", name.what, "/", name.direction), filter_);
}

void Roofline::measure(CallName name, const Work& work, const std::function<void()>& call) {
  if (isatty(STDERR_FILENO))
    std::fprintf(stderr, "\r\033[K%s: %s, %s", name.group.c_str(), name.what.c_str(),
                 name.direction.c_str());
  if (rows_.empty() || rows_.back().name.group != name.group) {
    triad_ = std::max(triad_, memory_.triad());
    triad_non_temporal_ = std::max(triad_non_temporal_, memory_.triad(Store::non_temporal));
  }
  const double peak = fma_peak();
  lowest_peak_ = rows_.empty() ? peak : std::min(lowest_peak_, peak);
  peak_ = std::max(peak_, peak);

  call();  // allocates its workspace
  Row row{std::move(name), work, std::numeric_limits<double>::infinity(), false};
  const double begin = wall_seconds();
  double measured = 0;
  for (int calls = 0; calls < 3 || (measured < 0.1 && wall_seconds() - begin < 0.3); ++calls) {
    if (!options_.warm) memory_.evict_caches();
    const int64_t before = preemptions();
    const double start = seconds();
    call();
    const double time = seconds() - start;
    measured += time;
    if (time < row.seconds) {
      row.seconds = time;
      row.disturbed = preemptions() != before;
    }
  }
  rows_.push_back(std::move(row));
}

Roofline::Shares Roofline::shares(const Row& row) const {
  const double compute = row.work.flops / (peak_ * 1e9), memory = row.work.bytes / (triad_ * 1e9);
  return {.peak = compute / row.seconds,
          .roofline = std::max(compute, memory) / row.seconds,
          .memory_bound = memory > compute};
}

double Roofline::Summary::mean() const { return std::exp(log_sum / count); }

std::vector<Roofline::Summary> Roofline::summaries() const {
  std::vector<Summary> all;
  for (const Row& row : rows_) {
    auto of_row = std::find_if(all.begin(), all.end(),
                               [&](const Summary& s) { return s.direction == row.name.direction; });
    if (of_row == all.end()) of_row = all.insert(all.end(), {.direction = row.name.direction});
    const double share = shares(row).roofline;
    ++of_row->count;
    of_row->log_sum += std::log(share);
    if (!of_row->worst || share < shares(*of_row->worst).roofline) of_row->worst = &row;
  }
  return all;
}

void Roofline::print() const {
  std::printf("%s, threads: %d; %s\n", processor().c_str(), num_threads(), version_text().c_str());
  std::printf(
      "FMA peak %.1f GFLOP/s (lowest %.1f in this run); triad %.1f GB/s, 3 arrays counted (%.1f "
      "with non-temporal stores); %s caches\n",
      peak_, lowest_peak_, triad_, triad_non_temporal_, options_.warm ? "warm" : "cold");
  const std::string* group = nullptr;
  for (const Row& row : rows_) {
    if (!group || *group != row.name.group)
      std::printf("\n%-51s %-15s %9s %8s %6s %7s %10s\n", row.name.group.c_str(), "", "ms",
                  "GFLOP/s", "peak %", "GB/s", "roofline %");
    group = &row.name.group;
    const Shares share = shares(row);
    std::printf("  %-49s %-15s %9.3f ", row.name.what.c_str(), row.name.direction.c_str(),
                1e3 * row.seconds);
    if (row.work.flops > 0)
      std::printf("%8.1f %6.1f", row.work.flops / row.seconds * 1e-9, 100 * share.peak);
    else
      std::printf("%8s %6s", "", "");
    std::printf(" %7.1f %10.1f %s%s%s%s\n", row.work.bytes / row.seconds * 1e-9,
                100 * share.roofline, share.memory_bound ? "memory" : "compute",
                row.disturbed ? " *" : "", row.name.note.empty() ? "" : "  ",
                row.name.note.c_str());
  }
  std::printf("\nShare of the roofline, geometric mean and worst:\n");
  for (const Summary& s : summaries())
    std::printf("  %-15s %6.1f %% of %d;  worst %.1f %%: %s (%s)\n", s.direction.c_str(),
                100 * s.mean(), s.count, 100 * shares(*s.worst).roofline,
                s.worst->name.what.c_str(), s.worst->name.group.c_str());
  if (std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.disturbed; }))
    std::printf("* even the fastest call lost a core to another program for a while\n");
}

void Roofline::write_json(bool discard) {
  Json rows = Json::array(), summary;
  for (const Row& row : rows_) {
    const Shares share = shares(row);
    rows.push_back({{"group", row.name.group},
                    {"name", row.name.what},
                    {"direction", row.name.direction},
                    {"seconds", row.seconds},
                    {"flops", row.work.flops},
                    {"bytes", row.work.bytes},
                    {"share_of_peak", share.peak},
                    {"share_of_roofline", share.roofline},
                    {"bound", share.memory_bound ? "memory" : "compute"},
                    {"disturbed", row.disturbed}});
  }
  for (const Summary& s : summaries())
    summary[s.direction] = {{"rows", s.count},
                            {"share_of_roofline", s.mean()},
                            {"worst",
                             {{"group", s.worst->name.group},
                              {"name", s.worst->name.what},
                              {"share_of_roofline", shares(*s.worst).roofline}}}};
  const Json all{{"program", program_},
                 {"date", utc_now()},
                 {"processor", processor()},
                 {"threads", num_threads()},
                 {"version", version_text()},
                 {"fma_peak_gflops", peak_},
                 {"fma_peak_lowest_gflops", lowest_peak_},
                 {"triad_gb_s", triad_},
                 {"triad_non_temporal_gb_s", triad_non_temporal_},
                 {"caches", options_.warm ? "warm" : "cold"},
                 {"discard", discard},
                 {"summary", std::move(summary)},
                 {"rows", std::move(rows)}};
  file_->write(all.dump(1) + "\n");
  file_->commit();
}

int Roofline::finish() {
  if (isatty(STDERR_FILENO)) std::fprintf(stderr, "\r\033[K");
  check<UsageError>(!rows_.empty(), "--filter '", options_.filter, "' matches nothing");
  print();
  const bool discard = std::any_of(rows_.begin(), rows_.end(),
                                   [&](const Row& row) { return shares(row).peak > 1.02; });
  if (discard)
    std::fprintf(stderr,
                 "%s: a call was faster than the FMA peak, which was taken while the "
                 "machine was disturbed: discard this run\n",
                 program_.c_str());
  if (file_) write_json(discard);
  return discard ? 1 : 0;
}

}  // namespace pixelgrad::bench
