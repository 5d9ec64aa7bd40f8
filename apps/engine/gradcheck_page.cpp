#include "apps/engine/gradcheck_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "apps/engine/html.h"
#include "data/image_io.h"

namespace pixelgrad {
namespace {

constexpr Rgb not_checked{225, 225, 225}, kink_color{90, 120, 220};

Rgb mix(const Rgb& a, const Rgb& b, double t) {
  Rgb out{};
  for (size_t c = 0; c < 3; ++c)
    out[c] = static_cast<uint8_t>(std::lround(a[c] + t * (b[c] - a[c])));
  return out;
}

/// Greens within the tolerance, a shade for each of six decades; reds beyond it.
Rgb error_color(double ratio) {
  const double decades = ratio > 0 ? std::log10(ratio) : -6;
  if (std::isnan(decades) || decades > 0)
    return mix({252, 146, 114}, {103, 0, 13}, std::isnan(decades) ? 1 : std::min(decades / 6, 1.0));
  return mix({0, 109, 44}, {237, 248, 233}, std::min(-decades / 6, 1.0));
}

/// One pixel an element: the first half of the dimensions down, the others across.
Image heat_map(const GradcheckInput& input, double tolerance) {
  const Shape& shape = input.shape;
  const auto middle = static_cast<std::ptrdiff_t>(shape.size() / 2);
  const int64_t rows = numel(Shape(shape.begin(), shape.begin() + middle));
  const int64_t columns = numel(Shape(shape.begin() + middle, shape.end()));
  Image image(rows, columns, 3);
  for (int64_t i = 0; i < rows * columns; ++i)
    std::copy(not_checked.begin(), not_checked.end(), image.at(i / columns, i % columns));
  const double scale = input.scaled_error > 0 ? input.max_error / input.scaled_error : 1;
  for (const GradcheckElement& e : input.elements) {
    const Rgb color = e.excluded ? kink_color : error_color(e.error() / (scale * tolerance));
    std::copy(color.begin(), color.end(), image.at(e.index / columns, e.index % columns));
  }
  return image;
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", v);
  return text;
}

void put_input(std::ostringstream& out, const GradcheckInput& input, double tolerance) {
  out << "<tr class=" << (input.passed ? "ok" : "bad") << "><td>" << html_escaped(input.name)
      << "</td><td>" << to_string(input.shape) << "</td><td class=n>" << input.elements.size()
      << "</td><td class=n>" << number(input.max_gradient) << "</td><td class=n>"
      << error_text(input.scaled_error, tolerance) << "</td><td>";
  if (!input.elements.empty()) {
    const Image map = heat_map(input, tolerance);
    // Small tensors get large pixels, and none is drawn wider than the column.
    const int64_t zoom = std::clamp<int64_t>(160 / std::max(map.width, map.height), 1, 14);
    out << "<img alt=\"errors of " << html_escaped(input.name) << "\" width=" << map.width * zoom
        << " height=" << map.height * zoom << " src=\"data:image/png;base64,"
        << base64(encode_png(map)) << "\">";
  }
  out << "</td><td>";
  const size_t shown = std::min<size_t>(input.elements.size(), input.passed ? 1 : 5);
  for (size_t k = 0; k < shown; ++k) {
    const GradcheckElement& e = input.elements[k];
    out << element_position(input.shape, e.index) << ": analytic " << number(e.analytic)
        << ", numeric " << number(e.numeric) << ", step " << number(e.step) << "<br>";
  }
  for (const GradcheckElement& e : input.kinks())
    out << "kink at " << element_position(input.shape, e.index) << ": analytic "
        << number(e.analytic) << ", left " << number(e.left) << ", right " << number(e.right)
        << (e.excluded ? "" : ", <b>not between</b>") << "<br>";
  out << "</td></tr>\n";
}

void put_op(std::ostringstream& out, const OpCheck& op, bool open) {
  const double tolerance = op.samples.empty() ? 0 : op.samples[0].report.tolerance;
  out << "<details" << (open || !op.passed ? " open" : "")
      << "><summary><span class=" << (op.passed ? "ok" : "bad") << ">"
      << (op.passed ? "passed" : "FAILED") << "</span> <b>" << html_escaped(op.name) << "</b> "
      << error_text(op.worst_scaled_error, tolerance) << ", " << op.elements << " elements, "
      << op.samples.size() << " samples</summary>\n";
  for (const SampleCheck& sample : op.samples) {
    out << "<h3>" << html_escaped(sample.name) << "</h3>\n";
    if (!sample.report.problem.empty())
      out << "<p class=bad>" << html_escaped(sample.report.problem) << "</p>\n";
    out << "<table><tr><th>input</th><th>shape</th><th>checked</th><th>max |g|</th><th>scaled "
           "error</th><th>errors</th><th>worst elements</th></tr>\n";
    for (const GradcheckInput& input : sample.report.inputs)
      put_input(out, input, sample.report.tolerance);
    out << "</table>\n";
  }
  out << "</details>\n";
}

constexpr const char* extra_style = R"(
details { margin: 0.3rem 0; } summary { cursor: pointer; } h3 { font-size: 0.95rem; margin: 0.8rem 0 0.2rem; font-weight: 600; }
.ok { color: #006d2c; } .bad { color: #a50f15; font-weight: 600; } td { vertical-align: top; color: #222; font-weight: normal; }
img { image-rendering: pixelated; border: 1px solid #bbb; } .key span { display: inline-block; padding: 0 0.5em; border: 1px solid #bbb; }
)";

}  // namespace

std::string gradcheck_page(const GradcheckSummary& summary) {
  std::ostringstream out;
  const auto failed = std::count_if(summary.ops.begin(), summary.ops.end(),
                                    [](const OpCheck& op) { return !op.passed; });
  out << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Gradient check"
         "</title><style>"
      << page_style() << extra_style << "</style></head><body>\n<h1>Gradient check</h1>\n<p>"
      << summary.ops.size() << " checked, "
      << (failed ? str("<span class=bad>", failed, " failed</span>") : "all passed")
      << ".</p>\n<p class=\"note key\">Heat maps: one pixel an element, the first half of the "
         "dimensions down, the others across. <span style=\"background:#edf8e9\">six decades under "
         "the tolerance</span> <span style=\"background:#006d2c;color:#fff\">at the "
         "tolerance</span> <span style=\"background:#fc9272\">over it</span> <span "
         "style=\"background:#67000d;color:#fff\">far over it</span> <span "
         "style=\"background:#5a78dc;color:#fff\">kink, excluded</span> <span "
         "style=\"background:#e1e1e1\">not checked</span></p>\n";
  for (const OpCheck& op : summary.ops) put_op(out, op, summary.ops.size() == 1);
  out << "</body></html>\n";
  return out.str();
}

}  // namespace pixelgrad
