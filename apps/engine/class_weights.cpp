#include "apps/engine/class_weights.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

#include "tensor/check.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

/// How much of the labels is a class.
struct ClassCount {
  int64_t own = 0;         ///< its pixels
  int64_t in_company = 0;  ///< pixels with a class, in the images that hold this one
};

struct LabelCounts {
  std::vector<ClassCount> classes;
  int64_t pixels = 0;  ///< that have a class
};

LabelCounts count_labels(const Dataset& train) {
  const size_t classes = train.classes().size();
  const auto n = static_cast<size_t>(train.size());
  std::vector<std::vector<int64_t>> counts(n, std::vector<int64_t>(classes));
  parallel_for(train.size(), [&](int64_t i) {
    std::vector<int64_t>& own = counts[static_cast<size_t>(i)];
    for (uint8_t id : train.load(i).labels.ids)
      if (id != ignore_label) ++own[id];
  });
  LabelCounts all{std::vector<ClassCount>(classes)};
  for (const std::vector<int64_t>& image : counts) {
    int64_t pixels = 0;
    for (int64_t own : image) pixels += own;
    all.pixels += pixels;
    for (size_t c = 0; c < classes; ++c) {
      all.classes[c].own += image[c];
      if (image[c] > 0) all.classes[c].in_company += pixels;
    }
  }
  check<DataError>(all.pixels > 0, "[train] no pixel of the training images has a class");
  return all;
}

double share(int64_t part, int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::vector<double> enet_weights(const LabelCounts& counts, double offset) {
  std::vector<double> weights;
  for (const ClassCount& c : counts.classes)
    weights.push_back(c.own ? 1 / std::log(offset + share(c.own, counts.pixels)) : 0);
  return weights;
}

std::vector<double> median_frequency_weights(const LabelCounts& counts) {
  std::vector<double> present;
  for (const ClassCount& c : counts.classes)
    if (c.own) present.push_back(share(c.own, c.in_company));
  std::sort(present.begin(), present.end());
  const size_t half = present.size() / 2;
  const double median =
      present.size() % 2 ? present[half] : (present[half - 1] + present[half]) / 2;
  std::vector<double> weights;
  for (const ClassCount& c : counts.classes)
    weights.push_back(c.own ? median / share(c.own, c.in_company) : 0);
  return weights;
}

/// The rule by name, and ENet's C.
struct Rule {
  std::string name;
  double offset = 1.02;
};

Rule parse_rule(const std::string& text) {
  const size_t colon = text.find(':');
  Rule rule{.name = text.substr(0, colon)};
  check<UsageError>(rule.name == "enet" || rule.name == "median", "[train] class weights '", text,
                    "', expected none, enet, enet:C or median");
  if (colon == std::string::npos) return rule;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, rule.offset);
  check<UsageError>(rule.name == "enet" && error == std::errc() && stop == end && rule.offset > 1 &&
                        std::isfinite(rule.offset),
                    "[train] class weights '", text, "', expected enet:C with a C above 1");
  return rule;
}

}  // namespace

Tensor class_weights(const std::string& rule, const Dataset& train) {
  const auto [name, offset] = parse_rule(rule);
  const LabelCounts counts = count_labels(train);
  const std::vector<double> exact =
      name == "enet" ? enet_weights(counts, offset) : median_frequency_weights(counts);
  const std::vector<float> weights(exact.begin(), exact.end());
  return Tensor::from({std::ssize(weights)}, weights);
}

}  // namespace pixelgrad
