#include "apps/engine/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace pixelgrad {

std::string html_escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string html_number(double value, int digits) {
  if (!std::isfinite(value)) return "&ndash;";
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string base64(const std::vector<uint8_t>& bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t v = uint32_t{bytes[i]} << 16;
    if (have > 1) v |= uint32_t{bytes[i + 1]} << 8;
    if (have > 2) v |= bytes[i + 2];
    for (size_t k = 0; k < 4; ++k) out += k <= have ? digits[(v >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

const char* page_style() {
  return R"(
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: 0.9rem; } td, th { padding: 0.15rem 0.6rem; text-align: left; font-weight: normal; }
th { color: #666; } .n { text-align: right; font-variant-numeric: tabular-nums; }
.swatch { display: inline-block; width: 1em; height: 1em; border: 1px solid #999; vertical-align: -0.15em; }
.bar { width: 16rem; } .bar span { display: block; height: 0.8em; background: #1f77b4; }
.confusion td { text-align: right; min-width: 2.6rem; font-size: 0.8rem; } .turned { height: 7rem; vertical-align: bottom; }
.turned span { writing-mode: vertical-rl; transform: rotate(180deg); }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } .note { color: #666; font-size: 0.85rem; } img { max-width: 100%; }
)";
}

}  // namespace pixelgrad
