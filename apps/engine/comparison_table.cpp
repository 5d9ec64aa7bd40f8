#include "apps/engine/comparison_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <sstream>

#include "apps/engine/history.h"
#include "apps/engine/progress.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

constexpr const char* no_value = "-";

std::string decimals(double value, int digits) {
  if (!std::isfinite(value)) return no_value;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

using Value = std::function<double(const ComparedRun&)>;
using Text = std::function<std::string(const ComparedRun&)>;

double last(const ComparedRun& run, double EpochMetrics::*field) {
  const EpochMetrics* scores = run.scores();
  return scores ? scores->*field : std::numeric_limits<double>::quiet_NaN();
}

double iou(const ComparedRun& run, size_t c) {
  const EpochMetrics* scores = run.scores();
  return scores ? scores->iou.at(c) : std::numeric_limits<double>::quiet_NaN();
}

/// A score with so many digits; runs that round alike are best together.
ComparisonTable::Column score_column(const Comparison& comparison, const std::string& name,
                                     int digits, const Value& value) {
  ComparisonTable::Column out{.name = name};
  std::string best;
  double highest = 0;
  for (const ComparedRun& run : comparison.runs) {
    const double v = value(run);
    out.cells.push_back({decimals(v, digits)});
    if (std::isfinite(v) && v > highest) {
      highest = v;
      best = out.cells.back().text;
    }
  }
  for (ComparisonTable::Cell& cell : out.cells) cell.best = cell.text == best;
  return out;
}

ComparisonTable::Column text_column(const Comparison& comparison, const std::string& name,
                                    const Text& text, bool number = true) {
  ComparisonTable::Column out{.name = name, .number = number};
  for (const ComparedRun& run : comparison.runs) out.cells.push_back({text(run)});
  return out;
}

/// In a cell of a Markdown table.
std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

ComparisonTable comparison_table(const Comparison& comparison) {
  const auto begun = [](const ComparedRun& run) { return !run.history.empty(); };
  ComparisonTable out;
  out.columns = {
      text_column(
          comparison, "run", [](const ComparedRun& run) { return run.candidate.name; }, false),
      score_column(comparison, "mIoU", 4,
                   [](const ComparedRun& run) { return last(run, &EpochMetrics::miou); }),
      score_column(comparison, "accuracy", 4,
                   [](const ComparedRun& run) { return last(run, &EpochMetrics::pixel_accuracy); }),
      text_column(comparison, "best mIoU (epoch)",
                  [](const ComparedRun& run) {
                    return run.best_epoch > 0
                               ? str(decimals(run.best_miou, 4), " (", run.best_epoch, ")")
                               : std::string(no_value);
                  }),
      text_column(comparison, "images/s",
                  [](const ComparedRun& run) { return decimals(run.images_per_second(), 1); }),
      text_column(comparison, "parameters",
                  [](const ComparedRun& run) { return grouped(run.parameters); }),
      text_column(comparison, "peak MiB",
                  [&](const ComparedRun& run) {
                    return begun(run) ? decimals(run.peak_memory_mib(), 0) : no_value;
                  }),
      text_column(comparison, "epochs",
                  [](const ComparedRun& run) {
                    return str(run.history.size(), "/", run.candidate.config.epochs);
                  }),
      text_column(comparison, "time",
                  [&](const ComparedRun& run) {
                    return begun(run) ? format_duration(run.seconds()) : no_value;
                  }),
  };
  for (size_t c = 0; c < comparison.classes.size(); ++c) {
    out.columns.push_back(score_column(comparison, comparison.classes[c].name, 3,
                                       [c](const ComparedRun& run) { return iou(run, c); }));
    out.columns.back().of_class = true;
  }
  if (std::any_of(comparison.runs.begin(), comparison.runs.end(),
                  [](const ComparedRun& run) { return run.status != RunStatus::finished; }))
    out.columns.push_back(text_column(
        comparison, "note",
        [](const ComparedRun& run) {
          if (run.status == RunStatus::failed) return "failed: " + run.error;
          return std::string(run.status == RunStatus::waiting ? "not finished" : "");
        },
        false));
  return out;
}

const char* scoring_note() {
  return "Scores are those of each run's last epoch on the validation images; beside them the best "
         "epoch's mIoU. Columns with the name of a class hold its IoU. Images a second and peak "
         "memory (of tensors) are of training, time is of training and validation.";
}

std::string markdown(const ComparisonTable& table, const std::string& mark) {
  std::vector<std::vector<std::string>> columns;
  std::vector<size_t> widths;
  for (const ComparisonTable::Column& column : table.columns) {
    std::vector<std::string> texts{escaped(column.name)};
    for (const ComparisonTable::Cell& cell : column.cells)
      texts.push_back(cell.best ? mark + escaped(cell.text) + mark : escaped(cell.text));
    size_t width = 3;
    for (const std::string& text : texts) width = std::max(width, text.size());
    columns.push_back(std::move(texts));
    widths.push_back(width);
  }
  std::string out;
  const size_t rows = columns.empty() ? 0 : columns[0].size();
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string& text = columns[i][row];
      const bool filled = i + 1 < columns.size() || table.columns[i].number;  // notes may be long
      const std::string space(filled ? widths[i] - text.size() : 0, ' ');
      out += "| " + (table.columns[i].number ? space + text : text + space) + " ";
    }
    out += "|\n";
    if (row > 0) continue;
    for (size_t i = 0; i < columns.size(); ++i)
      out += table.columns[i].number ? "| " + std::string(widths[i] - 1, '-') + ": "
                                     : "| " + std::string(widths[i], '-') + " ";
    out += "|\n";
  }
  return out;
}

std::string comparison_csv(const Comparison& comparison) {
  std::ostringstream out;
  out.precision(9);
  out << "run,status,model,miou,pixel_accuracy,best_miou,best_epoch,images_per_second,parameters,"
         "peak_memory_mib,epochs,seconds";
  for (const ClassInfo& c : comparison.classes) out << ',' << csv_quoted("iou " + c.name);
  out << ",error\n";
  const auto value = [&](double v) {
    out << ',';
    if (std::isfinite(v)) out << v;
  };
  for (const ComparedRun& run : comparison.runs) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    const bool begun = !run.history.empty();
    out << csv_quoted(run.candidate.name) << ',' << name_of(run.status) << ','
        << run.candidate.config.model;
    value(last(run, &EpochMetrics::miou));
    value(last(run, &EpochMetrics::pixel_accuracy));
    value(run.best_epoch > 0 ? run.best_miou : none);
    value(run.best_epoch > 0 ? static_cast<double>(run.best_epoch) : none);
    value(run.images_per_second());
    out << ',' << run.parameters;
    value(begun ? run.peak_memory_mib() : none);
    out << ',' << run.history.size();
    value(begun ? run.seconds() : none);
    for (size_t c = 0; c < comparison.classes.size(); ++c) value(iou(run, c));
    out << ',' << csv_quoted(run.error) << '\n';
  }
  return out.str();
}

}  // namespace pixelgrad
