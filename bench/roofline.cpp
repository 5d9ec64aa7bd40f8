#include "bench/roofline.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/engine/version.h"
#include "bench/median.h"

namespace pixelgrad::bench {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

void RooflineOptions::add_to(CLI::App& app) {
  app.add_option("--filter", filter,
                 "Only rows 'GROUP: WHAT/DIRECTION' that match this expression");
  app.add_option("--json", json, "Write the results to this file");
  app.add_flag("--warm", warm, "Leave the caches as the call before left them");
}

Roofline::Roofline(std::string program, RooflineOptions options)
    : program_(std::move(program)), options_(std::move(options)) {
  try {
    filter_ = std::regex(options_.filter);
  } catch (const std::regex_error& e) {
    throw UsageError(str("--filter '", options_.filter, "': ", e.what()));
  }
  yardstick_ = make_yardstick(options_.device);
  if (!options_.json.empty()) file_.emplace(options_.json);
}

bool Roofline::wanted(const CallName& name) const {
  return std::regex_search(str(name.group, ": ", name.what, "/", name.direction), filter_);
}

void Roofline::measure(CallName name, const Work& work, const std::function<void()>& call) {
  if (isatty(STDERR_FILENO))
    std::fprintf(stderr, "\r\033[K%s: %s, %s", name.group.c_str(), name.what.c_str(),
                 name.direction.c_str());
  call();  // allocates its workspace
  const double window = std::clamp(yardstick_->time(call, false), 1e-3, 20e-3);
  std::vector<double> times, peak_shares, roofline_shares, loop_shares;
  double best_peak = 0, best_memory_peak = 0;
  double memory_peak = options_.warm ? yardstick_->memory_peak() : 0;
  const double begin = wall_seconds();
  for (int round = 0; round < 5 || (round < 15 && wall_seconds() - begin < 0.6); ++round) {
    if (!options_.warm) memory_peak = yardstick_->memory_peak();
    const double peak = yardstick_->compute_peak(window);
    const double loop_peak = options_.loop_peak ? yardstick_->loop_peak(window) : 0;
    times.push_back(yardstick_->time(call, options_.warm));
    const double compute = work.flops / (peak * 1e9), memory = work.bytes / (memory_peak * 1e9);
    peak_shares.push_back(compute / times.back());
    roofline_shares.push_back(std::max(compute, memory) / times.back());
    if (loop_peak > 0) {
      loop_shares.push_back(std::max(work.flops / (loop_peak * 1e9), memory) / times.back());
      loop_peaks_.push_back(loop_peak);
    }
    best_peak = std::max(best_peak, peak);
    best_memory_peak = std::max(best_memory_peak, memory_peak);
    peaks_.push_back(peak);
    memory_peaks_.push_back(memory_peak);
  }
  const double shortest = *std::min_element(times.begin(), times.end());
  const double compute = work.flops / (best_peak * 1e9);
  const double memory = work.bytes / (best_memory_peak * 1e9);
  rows_.push_back({.name = std::move(name),
                   .work = work,
                   .seconds = median(times),
                   .best_seconds = shortest,
                   .peak = median(peak_shares),
                   .roofline = median(roofline_shares),
                   .loop_roofline = loop_shares.empty() ? 0 : median(loop_shares),
                   .best_roofline = std::max(compute, memory) / shortest,
                   .memory_bound = memory > compute});
}

double Roofline::Summary::mean() const { return std::exp(log_sum / count); }
double Roofline::Summary::best_mean() const { return std::exp(best_log_sum / count); }
double Roofline::Summary::loop_mean() const { return std::exp(loop_log_sum / count); }

std::vector<Roofline::Summary> Roofline::summaries() const {
  std::vector<Summary> all;
  for (const Row& row : rows_) {
    auto of_row = std::find_if(all.begin(), all.end(),
                               [&](const Summary& s) { return s.direction == row.name.direction; });
    if (of_row == all.end()) of_row = all.insert(all.end(), {.direction = row.name.direction});
    ++of_row->count;
    of_row->log_sum += std::log(row.roofline);
    of_row->best_log_sum += std::log(row.best_roofline);
    of_row->loop_log_sum += std::log(row.loop_roofline);
    if (!of_row->worst || row.roofline < of_row->worst->roofline) of_row->worst = &row;
  }
  return all;
}

void Roofline::print() const {
  std::printf("%s; %s\n", yardstick_->device().c_str(), version_text().c_str());
  const auto range = [](const std::vector<double>& v, const char* unit) {
    char text[80];
    std::snprintf(text, sizeof text, "%.1f %s (%.1f to %.1f)", median(v), unit,
                  *std::min_element(v.begin(), v.end()), *std::max_element(v.begin(), v.end()));
    return std::string(text);
  };
  std::printf("%s %s; %s %s; %s caches\n", yardstick_->compute_name().c_str(),
              range(peaks_, "GFLOP/s").c_str(), yardstick_->memory_name().c_str(),
              range(memory_peaks_, "GB/s").c_str(), options_.warm ? "warm" : "cold");
  const std::string* group = nullptr;
  for (const Row& row : rows_) {
    if (!group || *group != row.name.group)
      std::printf("\n%-51s %-15s %9s %8s %6s %7s %10s %6s\n", row.name.group.c_str(), "", "ms",
                  "GFLOP/s", "peak %", "GB/s", "roofline %", "best");
    group = &row.name.group;
    std::printf("  %-49s %-15s %9.3f ", row.name.what.c_str(), row.name.direction.c_str(),
                1e3 * row.seconds);
    if (row.work.flops > 0)
      std::printf("%8.1f %6.1f", row.work.flops / row.seconds * 1e-9, 100 * row.peak);
    else
      std::printf("%8s %6s", "", "");
    std::printf(" %7.1f %10.1f %6.1f %s%s%s\n", row.work.bytes / row.seconds * 1e-9,
                100 * row.roofline, 100 * row.best_roofline,
                row.memory_bound ? "memory" : "compute", row.name.note.empty() ? "" : "  ",
                row.name.note.c_str());
  }
  std::printf("\nShare of the roofline, geometric mean (of the shortest calls) and worst:\n");
  for (const Summary& s : summaries())
    std::printf("  %-15s %6.1f %% (%.1f %%) of %d;  worst %.1f %%: %s (%s)\n", s.direction.c_str(),
                100 * s.mean(), 100 * s.best_mean(), s.count, 100 * s.worst->roofline,
                s.worst->name.what.c_str(), s.worst->name.group.c_str());
  if (loop_peaks_.empty()) return;
  std::printf("With the peak of the inner loop, %s, instead:\n",
              range(loop_peaks_, "GFLOP/s").c_str());
  for (const Summary& s : summaries())
    std::printf("  %-15s %6.1f %%\n", s.direction.c_str(), 100 * s.loop_mean());
}

void Roofline::write_json(bool discard) {
  Json rows = Json::array(), summary;
  for (const Row& row : rows_)
    rows.push_back({{"group", row.name.group},
                    {"name", row.name.what},
                    {"direction", row.name.direction},
                    {"seconds", row.seconds},
                    {"best_seconds", row.best_seconds},
                    {"flops", row.work.flops},
                    {"bytes", row.work.bytes},
                    {"share_of_peak", row.peak},
                    {"share_of_roofline", row.roofline},
                    {"best_share_of_roofline", row.best_roofline},
                    {"share_of_loop_roofline", row.loop_roofline},
                    {"bound", row.memory_bound ? "memory" : "compute"}});
  for (const Summary& s : summaries())
    summary[s.direction] = {{"rows", s.count},
                            {"share_of_roofline", s.mean()},
                            {"best_share_of_roofline", s.best_mean()},
                            {"share_of_loop_roofline", s.loop_mean()},
                            {"worst",
                             {{"group", s.worst->name.group},
                              {"name", s.worst->name.what},
                              {"share_of_roofline", s.worst->roofline}}}};
  const Json all{{"program", program_},
                 {"date", utc_now()},
                 {"device", yardstick_->device()},
                 {"version", version_text()},
                 {"peak", yardstick_->compute_name()},
                 {"peak_gflops", median(peaks_)},
                 {"loop_peak_gflops", loop_peaks_.empty() ? 0 : median(loop_peaks_)},
                 {"memory_peak", yardstick_->memory_name()},
                 {"memory_peak_gb_s", median(memory_peaks_)},
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
  const bool discard =
      std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.peak > 1.02; });
  if (discard)
    std::fprintf(stderr,
                 "%s: a call was faster than the %s, which was taken while the "
                 "machine was disturbed: discard this run\n",
                 program_.c_str(), yardstick_->compute_name().c_str());
  if (file_) write_json(discard);
  return discard ? 1 : 0;
}

}  // namespace pixelgrad::bench
