#include "data/dataset_check.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

#include "tensor/check.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

/// What is kept of one sample.
struct Findings {
  std::string problem;  ///< "" when the sample loaded
  ImageSize size;
  std::array<int64_t, 256> ids{};  ///< pixels by id
  std::array<int64_t, 3> sum{}, squares{};
  uint64_t hash = 0;  ///< of size and pixels
};

uint64_t hash_of(const Image& image) {
  const auto* bytes = reinterpret_cast<const char*>(image.pixels.data());
  const uint64_t size =
      mix(static_cast<uint64_t>(image.height), static_cast<uint64_t>(image.width));
  return mix(size, stream_of(std::string_view(bytes, image.pixels.size())));
}

Findings examine(const Dataset& dataset, int64_t index) {
  Findings f;
  try {
    const Sample s = dataset.load(index);
    f.size = {s.image.height, s.image.width};
    for (const uint8_t id : s.labels.ids) ++f.ids[id];
    for (size_t p = 0; p < s.image.pixels.size(); p += 3)
      for (size_t c = 0; c < 3; ++c) {
        const int64_t v = s.image.pixels[p + c];
        f.sum[c] += v;
        f.squares[c] += v * v;
      }
    f.hash = hash_of(s.image);
  } catch (const Error& error) {
    f.problem = error.what();
  }
  return f;
}

std::vector<std::optional<uint64_t>> hashes_of(const Dataset& dataset) {
  std::vector<std::optional<uint64_t>> hashes(static_cast<size_t>(dataset.size()));
  parallel_for(dataset.size(), [&](int64_t i) {
    try {
      hashes[static_cast<size_t>(i)] = hash_of(dataset.load(i).image);
    } catch (const Error&) {
      // check_dataset reports it.
    }
  });
  return hashes;
}

double share_of(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string percent(double share) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << 100 * share << " %";
  return out.str();
}

}  // namespace

DatasetReport check_dataset(const Dataset& dataset) {
  std::vector<Findings> found(static_cast<size_t>(dataset.size()));
  parallel_for(dataset.size(),
               [&](int64_t i) { found[static_cast<size_t>(i)] = examine(dataset, i); });

  DatasetReport report;
  report.format = dataset.format();
  report.samples = dataset.size();
  report.warnings = dataset.warnings();
  for (const ClassInfo& info : dataset.classes()) report.classes.push_back({.info = info});
  std::set<std::pair<int64_t, int64_t>> sizes;
  std::map<uint64_t, int64_t> first_with;
  std::array<int64_t, 3> sum{}, squares{};
  int64_t ignored = 0;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const Findings& f = found[static_cast<size_t>(i)];
    if (!f.problem.empty()) {
      report.problems.push_back(f.problem);
      continue;
    }
    const ImageSize s = f.size;
    report.smallest = report.readable == 0 ? s
                                           : ImageSize{std::min(s.height, report.smallest.height),
                                                       std::min(s.width, report.smallest.width)};
    report.largest = {std::max(s.height, report.largest.height),
                      std::max(s.width, report.largest.width)};
    ++report.readable;
    sizes.insert({s.height, s.width});
    report.pixels += s.height * s.width;
    ignored += f.ids[ignore_label];
    for (size_t c = 0; c < report.classes.size(); ++c) {
      report.classes[c].pixels += f.ids[c];
      report.classes[c].images += f.ids[c] > 0;
    }
    for (size_t c = 0; c < 3; ++c) {
      sum[c] += f.sum[c];
      squares[c] += f.squares[c];
    }
    if (f.ids[ignore_label] == s.height * s.width)
      report.warnings.push_back("no pixel has a label: " + dataset.name(i));
    const auto [first, is_new] = first_with.emplace(f.hash, i);
    if (!is_new)
      report.warnings.push_back(
          str("same image: ", dataset.name(first->second), " and ", dataset.name(i)));
  }
  report.distinct_sizes = static_cast<int64_t>(sizes.size());
  report.ignored_share = share_of(ignored, report.pixels);
  for (DatasetReport::Class& c : report.classes) {
    c.share = share_of(c.pixels, report.pixels - ignored);
    if (c.pixels == 0 && c.info.scored && report.readable > 0)
      report.warnings.push_back("class never occurs: " + c.info.name);
  }
  for (size_t c = 0; c < 3; ++c) {
    report.mean[c] = share_of(sum[c], report.pixels) / 255;
    const double second = share_of(squares[c], report.pixels) / (255.0 * 255.0);
    report.std[c] = std::sqrt(std::max(0.0, second - report.mean[c] * report.mean[c]));
  }
  return report;
}

std::string DatasetReport::to_string() const {
  std::ostringstream out;
  out << "format " << format << ", " << samples << " samples, " << readable << " readable\n";
  if (readable > 0) {
    out << "sizes " << smallest.width << "x" << smallest.height;
    if (distinct_sizes > 1)
      out << " to " << largest.width << "x" << largest.height << " (" << distinct_sizes
          << " different)";
    out << "\nmean" << std::fixed << std::setprecision(4);
    for (const double v : mean) out << ' ' << v;
    out << ", std";
    for (const double v : std) out << ' ' << v;
    out << " (red, green, blue of 0 to 1)\nignored pixels " << percent(ignored_share) << '\n';
  }
  size_t width = 5;
  for (const Class& c : classes) width = std::max(width, c.info.name.size());
  out << "id  " << std::left << std::setw(static_cast<int>(width)) << "class" << std::right
      << std::setw(11) << "pixels" << std::setw(9) << "images" << '\n';
  for (size_t i = 0; i < classes.size(); ++i)
    out << std::left << std::setw(4) << i << std::setw(static_cast<int>(width))
        << classes[i].info.name << std::right << std::setw(11) << percent(classes[i].share)
        << std::setw(9) << classes[i].images << (classes[i].info.scored ? "" : "  (not scored)")
        << '\n';
  for (const std::string& warning : warnings) out << "warning: " << warning << '\n';
  for (const std::string& problem : problems) out << "problem: " << problem << '\n';
  return out.str();
}

std::vector<std::string> find_shared_images(const Dataset& a, const Dataset& b) {
  std::map<uint64_t, int64_t> in_a;
  const auto hashes_a = hashes_of(a), hashes_b = hashes_of(b);
  for (size_t i = 0; i < hashes_a.size(); ++i)
    if (hashes_a[i]) in_a.emplace(*hashes_a[i], static_cast<int64_t>(i));
  std::vector<std::string> lines;
  for (size_t i = 0; i < hashes_b.size(); ++i)
    if (hashes_b[i])
      if (const auto twin = in_a.find(*hashes_b[i]); twin != in_a.end())
        lines.push_back(
            str("same image: ", a.name(twin->second), " and ", b.name(static_cast<int64_t>(i))));
  return lines;
}

}  // namespace pixelgrad
