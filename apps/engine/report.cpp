#include "apps/engine/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/engine/html.h"
#include "data/file_io.h"

namespace pixelgrad {
namespace {

std::string css(const Rgb& c) {
  return str("rgb(", int{c[0]}, ",", int{c[1]}, ",", int{c[2]}, ")");
}

/// A round number near range / 5, for the distance of tick marks.
double tick_step(double range) {
  const double power = std::pow(10.0, std::floor(std::log10(range / 5)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power * 5 >= range * 0.99) return factor * power;
  return 10 * power;
}

std::string class_table(const ModelCard& info, const RunState& state) {
  const EpochMetrics& last = state.history.back();
  const EpochMetrics& best =
      state.history[static_cast<size_t>(std::max<int64_t>(1, state.best_epoch) - 1)];
  std::ostringstream out;
  out << "<table><tr><th></th><th>class</th><th>IoU, last</th><th>best epoch</th><th></th></tr>\n";
  for (size_t c = 0; c < info.classes.size(); ++c) {
    const double v = last.iou[c];
    out << "<tr><td><span class=swatch style=\"background:" << css(info.classes[c].color)
        << "\"></span></td><td>" << html_escaped(info.classes[c].name)
        << (info.classes[c].scored ? "" : " (not scored)") << "</td><td class=n>"
        << html_number(v, 4) << "</td><td class=n>" << html_number(best.iou[c], 4)
        << "</td><td class=bar><span style=\"width:"
        << html_number(std::isfinite(v) ? 100 * v : 0, 1) << "%\"></span></td></tr>\n";
  }
  out << "<tr><th></th><th>mean</th><th class=n>" << html_number(last.miou, 4)
      << "</th><th class=n>" << html_number(best.miou, 4) << "</th><th></th></tr></table>\n";
  return out.str();
}

/// Rows are the truth; each cell is the share of its row, darker for more.
std::string confusion_table(const ModelCard& info, const ConfusionMatrix& m) {
  std::ostringstream out;
  out << "<table class=confusion><tr><th>truth \\ predicted</th>";
  for (const ClassInfo& c : info.classes)
    out << "<th class=turned><span>" << html_escaped(c.name) << "</span></th>";
  out << "</tr>\n";
  for (int64_t t = 0; t < m.class_count(); ++t) {
    const int64_t row = m.truth(t);
    if (row == 0) continue;
    out << "<tr><th>" << html_escaped(info.classes[static_cast<size_t>(t)].name) << "</th>";
    for (int64_t p = 0; p < m.class_count(); ++p) {
      const double share = static_cast<double>(m.count(t, p)) / static_cast<double>(row);
      out << "<td style=\"background:rgba(31,119,180," << html_number(share, 3)
          << ");color:" << (share > 0.5 ? "#fff" : "inherit") << "\" title=\"" << m.count(t, p)
          << " pixels\">" << (share >= 0.0005 ? html_number(100 * share, 1) : "") << "</td>";
    }
    out << "</tr>\n";
  }
  out << "</table><p class=note>Percent of the true class's pixels.</p>\n";
  return out.str();
}

std::string recipe_table(const TrainConfig& config) {
  std::ostringstream out;
  out << "<table>";
  const auto fields = nlohmann::ordered_json::parse(to_json(config));
  for (const auto& [name, value] : fields.items()) {
    if (value.is_array() && value.empty()) continue;
    out << "<tr><td>" << name << "</td><td>"
        << html_escaped(value.is_string() ? value.get<std::string>() : value.dump())
        << "</td></tr>\n";
  }
  out << "</table>\n";
  return out.str();
}

std::vector<double> column(const RunState& state, double EpochMetrics::*field) {
  std::vector<double> out;
  for (const EpochMetrics& m : state.history) out.push_back(m.*field);
  return out;
}

/// The series' names in their colours, right-aligned beside the title and, where they do not fit,
/// in rows below it; and the number of rows.
std::pair<std::string, int> legend(const std::string& title, const std::vector<ChartSeries>& series,
                                   double left, double right) {
  constexpr double letter = 8, space = 14;
  std::ostringstream out;
  int row = 0;
  double x = right, end = left + letter * static_cast<double>(title.size()) + space;
  for (const ChartSeries& s : series) {
    const double width = letter * static_cast<double>(s.name.size());
    if (x - width < end) {
      ++row;
      x = right;
      end = left;
    }
    out << "<text x=\"" << x << "\" y=\"" << 18 + 16 * row << "\" text-anchor=\"end\" fill=\""
        << s.color << "\">" << html_escaped(s.name) << "</text>\n";
    x -= width + space;
  }
  return {out.str(), row + 1};
}

}  // namespace

std::string svg_chart(const std::string& title, const std::vector<ChartSeries>& series) {
  constexpr double width = 500, left = 52, right = 12, bottom = 34;
  const auto [names, rows] = legend(title, series, left, width - right);
  const double top = 34 + 16.0 * (rows - 1), height = top + 246;
  double low = INFINITY, high = -INFINITY;
  size_t epochs = 1;
  for (const ChartSeries& s : series) {
    epochs = std::max(epochs, s.values.size());
    for (double v : s.values)
      if (std::isfinite(v)) {
        low = std::min(low, v);
        high = std::max(high, v);
      }
  }
  if (!(low <= high)) low = 0, high = 1;
  const double step = tick_step(std::max(high - low, 1e-6));
  low = std::floor(low / step) * step;
  high = std::max(std::ceil(high / step) * step, low + step);
  const auto x = [&](size_t epoch) {
    return left +
           (width - left - right) *
               (epochs == 1 ? 0.5 : static_cast<double>(epoch) / static_cast<double>(epochs - 1));
  };
  const auto y = [&](double v) {
    return top + (height - top - bottom) * (high - v) / (high - low);
  };

  std::ostringstream out;
  out << "<svg viewBox=\"0 0 " << width << ' ' << height << "\" width=\"" << width << "\" height=\""
      << height
      << "\" font-size=\"12\" font-family=\"system-ui, sans-serif\" role=\"img\">\n<text x=\""
      << left << "\" y=\"18\" font-size=\"14\">" << html_escaped(title) << "</text>\n";
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step))), 0, 8);
  for (double tick = low; tick <= high + step / 2; tick += step)
    out << "<line x1=\"" << left << "\" x2=\"" << width - right << "\" y1=\"" << y(tick)
        << "\" y2=\"" << y(tick) << "\" stroke=\"#ddd\"/><text x=\"" << left - 6 << "\" y=\""
        << y(tick) + 4 << "\" text-anchor=\"end\" fill=\"#666\">" << html_number(tick, digits)
        << "</text>\n";
  const size_t every = std::max<size_t>(1, (epochs + 9) / 10);
  for (size_t e = 0; e < epochs; e += every)
    out << "<text x=\"" << x(e) << "\" y=\"" << height - 14
        << "\" text-anchor=\"middle\" fill=\"#666\">" << e + 1 << "</text>\n";
  for (const ChartSeries& s : series) {
    std::string path;
    for (size_t e = 0; e < s.values.size(); ++e) {
      if (!std::isfinite(s.values[e])) continue;  // an epoch without validation
      path +=
          str(path.empty() ? "M" : " L", html_number(x(e), 1), " ", html_number(y(s.values[e]), 1));
      if (epochs <= 40)
        out << "<circle cx=\"" << html_number(x(e), 1) << "\" cy=\""
            << html_number(y(s.values[e]), 1) << "\" r=\"2.5\" fill=\"" << s.color
            << "\"><title>epoch " << e + 1 << ": " << s.values[e] << "</title></circle>\n";
    }
    out << "<path d=\"" << path << "\" fill=\"none\" stroke=\"" << s.color
        << "\" stroke-width=\"1.8\"/>\n";
  }
  out << names << "</svg>\n";
  return out.str();
}

void write_report(const std::filesystem::path& run, const TrainConfig& config,
                  const ModelCard& info, const RunState& state, const EpochTiming& timing,
                  const ConfusionMatrix& confusion, const std::filesystem::path& panels) {
  if (state.history.empty()) return;
  const EpochMetrics& last = state.history.back();
  std::ostringstream out;
  out << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"
      << html_escaped(config.model) << " on " << html_escaped(config.data) << "</title><style>"
      << page_style() << "</style></head><body>\n<h1>" << html_escaped(config.model) << " on "
      << html_escaped(config.data) << "</h1>\n<p>After " << last.epoch << " of " << config.epochs
      << " epochs (" << last.step << " steps): mIoU <b>" << html_number(last.miou, 4)
      << "</b>, best " << html_number(state.best_miou, 4) << " in epoch " << state.best_epoch
      << ", pixel accuracy " << html_number(last.pixel_accuracy, 4)
      << (last.psnr ? ", PSNR " + html_number(*last.psnr, 2) + " dB" : "") << ", "
      << html_number(timing.images_per_second, 1)
      << " training images a second.</p>\n<div class=charts>\n"
      << svg_chart("Loss", {{"training", "#1f77b4", column(state, &EpochMetrics::train_loss)},
                            {"validation", "#d62728", column(state, &EpochMetrics::val_loss)}})
      << svg_chart("Validation",
                   {{"mIoU", "#2ca02c", column(state, &EpochMetrics::miou)},
                    {"pixel accuracy", "#9467bd", column(state, &EpochMetrics::pixel_accuracy)}})
      << "</div>\n<h2>Classes</h2>\n"
      << class_table(info, state) << "<h2>Confusion</h2>\n"
      << confusion_table(info, confusion);
  if (!panels.empty() && std::filesystem::exists(panels))
    out << "<h2>Photo, truth, prediction</h2>\n<img alt=\"photo, truth and prediction of some "
           "validation images\" "
           "src=\"data:image/png;base64,"
        << base64(read_file(panels, int64_t{1} << 28)) << "\">\n";
  out << "<h2>Recipe</h2>\n" << recipe_table(config) << "</body></html>\n";
  write_file(run / "report.html", out.str());
}

}  // namespace pixelgrad
