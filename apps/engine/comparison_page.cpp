#include "apps/engine/comparison_page.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/engine/comparison_table.h"
#include "apps/engine/html.h"
#include "apps/engine/report.h"
#include "data/file_io.h"

namespace pixelgrad {
namespace {

/// Colours that stay apart for any number of runs: steps of the golden angle.
std::string color(size_t run) {
  return str("hsl(", (210 + 137 * run) % 360, ",65%,", run % 2 ? 48 : 38, "%)");
}

std::string table_html(const Comparison& comparison) {
  const ComparisonTable table = comparison_table(comparison);
  std::ostringstream out;
  out << "<div class=wide><table class=compare>\n<tr>";
  for (const auto& column : table.columns)
    out << "<th" << (column.number ? " class=n" : "") << ">" << html_escaped(column.name)
        << "</th>";
  out << "</tr>\n";
  for (size_t row = 0; row < comparison.runs.size(); ++row) {
    out << "<tr>";
    for (const auto& column : table.columns) {
      const auto& cell = column.cells[row];
      std::string text = html_escaped(cell.text);
      const std::string report = comparison.runs[row].candidate.name + "/report.html";
      if (&column == &table.columns.front() && std::filesystem::exists(comparison.folder / report))
        text = "<a href=\"" + html_escaped(report) + "\">" + text + "</a>";
      if (cell.best) text = "<b>" + text + "</b>";
      out << "<td" << (column.number ? " class=n" : "") << ">" << text << "</td>";
    }
    out << "</tr>\n";
  }
  out << "</table></div>\n";
  return out.str();
}

std::string curves(const Comparison& comparison) {
  std::vector<ChartSeries> series;
  for (size_t i = 0; i < comparison.runs.size(); ++i) {
    if (comparison.runs[i].history.empty()) continue;
    series.push_back({comparison.runs[i].candidate.name, color(i), {}});
    for (const EpochMetrics& m : comparison.runs[i].history) series.back().values.push_back(m.miou);
  }
  return svg_chart("Validation mIoU", series);
}

/// The picture under a line of names, one over each of its columns, which are equally wide.
std::string picture_html(const std::filesystem::path& picture,
                         const std::vector<const ComparedRun*>& drawn) {
  std::ostringstream out;
  out << "<div class=wide><div class=names style=\"grid-template-columns:repeat("
      << drawn.size() + 2 << ",1fr)\"><span>photo</span><span>truth</span>";
  for (const ComparedRun* run : drawn)
    out << "<span>" << html_escaped(run->candidate.name) << "</span>";
  out << "</div><img class=grid alt=\"photo, truth and the predictions of the runs\" "
         "src=\"data:image/png;base64,"
      << base64(read_file(picture, int64_t{1} << 28)) << "\"></div>\n";
  return out.str();
}

std::string cell_text(const nlohmann::ordered_json& value) {
  return html_escaped(value.is_string() ? value.get<std::string>() : value.dump());
}

/// A line for each setting, with one value where all runs have the same.
std::string recipes(const Comparison& comparison) {
  std::vector<nlohmann::ordered_json> configs;
  for (const ComparedRun& run : comparison.runs)
    configs.push_back(nlohmann::ordered_json::parse(to_json(run.candidate.config)));
  std::ostringstream different, common;
  for (const auto& [field, first] : configs.front().items()) {
    bool same = true;
    for (const auto& config : configs) same = same && config[field] == first;
    if (same) {
      if (!(first.is_array() && first.empty()))
        common << "<tr><td>" << field << "</td><td>" << cell_text(first) << "</td></tr>\n";
      continue;
    }
    different << "<tr><td>" << field << "</td>";
    for (const auto& config : configs) different << "<td>" << cell_text(config[field]) << "</td>";
    different << "</tr>\n";
  }
  std::ostringstream out;
  if (!different.str().empty()) {
    out << "<h2>Where the recipes differ</h2>\n<div class=wide><table><tr><th></th>";
    for (const ComparedRun& run : comparison.runs)
      out << "<th>" << html_escaped(run.candidate.name) << "</th>";
    out << "</tr>\n" << different.str() << "</table></div>\n";
  }
  out << "<h2>What they have in common</h2>\n<table>" << common.str() << "</table>\n";
  return out.str();
}

constexpr const char* own_style = R"(
.wide { overflow-x: auto; } .compare td, .compare th { white-space: nowrap; }
.names { display: grid; text-align: center; font-size: 0.8rem; color: #666; align-items: end; overflow-wrap: anywhere; }
img.grid { width: 100%; }
)";

}  // namespace

void write_comparison_page(const Comparison& comparison, const std::filesystem::path& picture,
                           const std::vector<const ComparedRun*>& drawn) {
  if (comparison.runs.empty()) return;
  const std::string title =
      str(comparison.runs.size(), comparison.runs.size() == 1 ? " run on " : " runs on ",
          comparison.data);
  std::ostringstream out;
  out << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"
      << html_escaped(title) << "</title><style>" << page_style() << own_style
      << "</style></head><body>\n<h1>" << html_escaped(title) << "</h1>\n<p>" << scoring_note()
      << "</p>\n"
      << table_html(comparison) << "<div class=charts>\n"
      << curves(comparison) << "</div>\n";
  if (!drawn.empty()) out << "<h2>Predictions</h2>\n" << picture_html(picture, drawn);
  out << recipes(comparison) << "</body></html>\n";
  write_file(comparison.folder / "compare.html", out.str());
}

}  // namespace pixelgrad
