#include "apps/engine/history.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/file_io.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

using Json = nlohmann::ordered_json;

/// Calls visit("name", member) for every field but the IoUs, so that writing and reading agree.
template <class Metrics, class Visit>
void each_number(Metrics& m, const Visit& visit) {
  visit("epoch", m.epoch);
  visit("step", m.step);
  visit("lr", m.lr);
  visit("train_loss", m.train_loss);
  visit("val_loss", m.val_loss);
  visit("miou", m.miou);
  visit("pixel_accuracy", m.pixel_accuracy);
}
template <class Timing, class Visit>
void each_time(Timing& t, const Visit& visit) {
  visit("train_seconds", t.train_seconds);
  visit("val_seconds", t.val_seconds);
  visit("images_per_second", t.images_per_second);
  visit("peak_memory_mib", t.peak_memory_mib);
}

// JSON has no NaN: an absent score is null.
Json number(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }
Json number(int64_t v) { return v; }
void read_number(const nlohmann::json& from, double& to) {
  to = from.is_null() ? std::numeric_limits<double>::quiet_NaN() : from.get<double>();
}
void read_number(const nlohmann::json& from, int64_t& to) { to = from.get<int64_t>(); }

Json numbers(const EpochMetrics& m) {
  Json out;
  each_number(m, [&](const char* name, const auto& value) { out[name] = number(value); });
  if (m.psnr) out["psnr"] = number(*m.psnr);
  return out;
}

}  // namespace

std::string csv_quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string to_json(const EpochMetrics& metrics, const EpochTiming& timing,
                    const std::vector<std::string>& classes) {
  Json out = numbers(metrics);
  each_time(timing, [&](const char* name, double value) { out[name] = number(value); });
  Json iou = Json::object();
  for (size_t c = 0; c < metrics.iou.size(); ++c) iou[classes.at(c)] = number(metrics.iou[c]);
  out["iou"] = std::move(iou);
  return out.dump();
}

std::string history_to_json(const std::vector<EpochMetrics>& history) {
  Json out = Json::array();
  for (const EpochMetrics& m : history) {
    Json row = numbers(m);
    row["iou"] = Json::array();
    for (double v : m.iou) row["iou"].push_back(number(v));
    out.push_back(std::move(row));
  }
  return out.dump();
}

std::vector<EpochMetrics> history_from_json(const std::string& text) {
  std::vector<EpochMetrics> out;
  try {
    for (const auto& row : nlohmann::json::parse(text)) {
      EpochMetrics m;
      each_number(m, [&](const char* name, auto& value) { read_number(row.at(name), value); });
      if (row.contains("psnr")) read_number(row["psnr"], m.psnr.emplace());
      for (const auto& v : row.at("iou")) read_number(v, m.iou.emplace_back());
      out.push_back(std::move(m));
    }
  } catch (const nlohmann::json::exception& e) {
    throw CheckpointError(str("[history] ", e.what()));
  }
  return out;
}

void write_metrics(const std::filesystem::path& run, const std::vector<EpochMetrics>& history,
                   const std::vector<EpochTiming>& timings,
                   const std::vector<std::string>& classes) {
  std::ostringstream csv;
  std::string lines;
  csv.precision(9);
  const char* comma = "";
  const auto name_column = [&](const char* name, const auto&) {
    csv << comma << name;
    comma = ",";
  };
  const auto value_column = [&](const char*, const auto& value) {
    csv << comma << value;
    comma = ",";
  };
  const EpochMetrics no_metrics;
  const EpochTiming no_timing;
  each_number(no_metrics, name_column);
  each_time(no_timing, name_column);
  const bool painted = std::any_of(history.begin(), history.end(),
                                   [](const EpochMetrics& m) { return m.psnr.has_value(); });
  if (painted) csv << ",psnr";
  for (const std::string& c : classes) csv << ',' << csv_quoted("iou " + c);
  csv << '\n';
  for (size_t i = 0; i < history.size(); ++i) {
    comma = "";
    each_number(history[i], value_column);
    each_time(timings.at(i), value_column);
    if (painted) csv << ',' << history[i].psnr.value_or(std::numeric_limits<double>::quiet_NaN());
    for (double v : history[i].iou) csv << ',' << v;
    csv << '\n';
    lines += to_json(history[i], timings[i], classes) + "\n";
  }
  write_file(run / "metrics.csv", csv.str());
  write_file(run / "metrics.jsonl", lines);
}

std::vector<EpochTiming> read_timings(const std::filesystem::path& run, size_t epochs) {
  std::vector<EpochTiming> out(epochs);
  std::ifstream file(run / "metrics.jsonl");
  std::string line;
  for (size_t i = 0; i < epochs && std::getline(file, line); ++i) {
    const auto row = nlohmann::json::parse(line, nullptr, false);
    each_time(out[i], [&](const char* name, double& value) {
      if (row.is_object()) value = row.value(name, 0.0);
    });
  }
  return out;
}

}  // namespace pixelgrad
