#include "data/confusion.h"

#include <cmath>
#include <iomanip>
#include <limits>
#include <mutex>
#include <sstream>

#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

constexpr int64_t grain = 1 << 16;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double ratio(int64_t numerator, int64_t denominator) {
  return denominator == 0 ? nan : static_cast<double>(numerator) / static_cast<double>(denominator);
}

[[noreturn]] void throw_bad_value(const char* what, int64_t position, int64_t value,
                                  int64_t classes) {
  throw Error(str("[confusion] ", what, " ", value, " at position ", position,
                  " is not a class id (0 to ", classes - 1, ") or ", int{ignore_label}));
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::vector<ClassInfo> classes) : classes_(std::move(classes)) {
  check(!classes_.empty() && classes_.size() <= ignore_label, "[confusion] ", classes_.size(),
        " classes, expected 1 to ", int{ignore_label});
  counts_.resize(classes_.size() * (classes_.size() + 1));
}

template <class P, class L>
void ConfusionMatrix::add_pixels(std::span<const P> predictions, std::span<const L> labels) {
  check(predictions.size() == labels.size(), "[confusion] ", predictions.size(),
        " predictions for ", labels.size(), " labels");
  const int64_t classes = class_count(), columns = classes + 1;
  std::mutex mutex;
  // Integer counts: the order in which tiles are merged does not matter.
  parallel_range(static_cast<int64_t>(labels.size()), grain, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> tile(counts_.size());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t truth = labels[static_cast<size_t>(i)];
      int64_t guess = predictions[static_cast<size_t>(i)];
      if (guess == ignore_label)
        guess = classes;
      else if (guess < 0 || guess >= classes)
        throw_bad_value("prediction", i, guess, classes);
      if (truth == ignore_label) continue;
      if (truth < 0 || truth >= classes) throw_bad_value("label", i, truth, classes);
      ++tile[static_cast<size_t>(truth * columns + guess)];
    }
    const std::lock_guard lock(mutex);
    for (int64_t truth = 0; truth < classes; ++truth)
      if (scored(truth))
        for (int64_t guess = 0; guess < columns; ++guess)
          cell(truth, guess) += tile[static_cast<size_t>(truth * columns + guess)];
  });
}

void ConfusionMatrix::add(std::span<const int32_t> predictions, std::span<const int32_t> labels) {
  add_pixels(predictions, labels);
}
void ConfusionMatrix::add(std::span<const uint8_t> predictions, std::span<const uint8_t> labels) {
  add_pixels(predictions, labels);
}
void ConfusionMatrix::add(std::span<const int32_t> predictions, std::span<const uint8_t> labels) {
  add_pixels(predictions, labels);
}

void ConfusionMatrix::add(const Tensor& predictions, const Tensor& labels) {
  check(predictions.shape() == labels.shape(), "[confusion] predictions ", predictions.shape(),
        " and labels ", labels.shape(), " differ in shape");
  for (const Tensor* t : {&predictions, &labels})
    check((t->dtype() == Dtype::i32 || t->dtype() == Dtype::u8) && t->device() == Device::cpu,
          "[confusion] got ", t->dtype(), " on ", t->device(), ", expected i32 or u8 on cpu");
  const auto with_labels = [&]<class P>(std::span<const P> p) {
    if (labels.dtype() == Dtype::i32)
      add_pixels(p, labels.span<int32_t>());
    else
      add_pixels(p, labels.span<uint8_t>());
  };
  if (predictions.dtype() == Dtype::i32)
    with_labels(predictions.span<int32_t>());
  else
    with_labels(predictions.span<uint8_t>());
}

void ConfusionMatrix::add(const LabelMap& predictions, const LabelMap& labels) {
  check(predictions.height == labels.height && predictions.width == labels.width,
        "[confusion] predictions are ", predictions.width, "x", predictions.height, ", labels are ",
        labels.width, "x", labels.height);
  add(std::span<const uint8_t>(predictions.ids), std::span<const uint8_t>(labels.ids));
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  check(other.class_count() == class_count(), "[confusion] merge of ", other.class_count(),
        " classes into ", class_count());
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

void ConfusionMatrix::clear() { std::fill(counts_.begin(), counts_.end(), 0); }

void ConfusionMatrix::check_class(int64_t c) const {
  check(c >= 0 && c < class_count(), "[confusion] class ", c, ", expected 0 to ",
        class_count() - 1);
}

int64_t ConfusionMatrix::count(int64_t truth, int64_t predicted) const {
  check_class(truth);
  if (predicted != class_count()) check_class(predicted);
  return counts_[static_cast<size_t>(truth * (class_count() + 1) + predicted)];
}

int64_t ConfusionMatrix::total() const {
  int64_t sum = 0;
  for (const int64_t n : counts_) sum += n;
  return sum;
}

int64_t ConfusionMatrix::truth(int64_t c) const {
  int64_t sum = 0;
  for (int64_t guess = 0; guess <= class_count(); ++guess) sum += count(c, guess);
  return sum;
}

int64_t ConfusionMatrix::predicted(int64_t c) const {
  int64_t sum = 0;
  for (int64_t t = 0; t < class_count(); ++t) sum += count(t, c);
  return sum;
}

double ConfusionMatrix::iou(int64_t c) const {
  check_class(c);
  if (!scored(c)) return nan;
  return ratio(count(c, c), truth(c) + predicted(c) - count(c, c));
}
double ConfusionMatrix::precision(int64_t c) const {
  check_class(c);
  return scored(c) ? ratio(count(c, c), predicted(c)) : nan;
}
double ConfusionMatrix::recall(int64_t c) const {
  check_class(c);
  return scored(c) ? ratio(count(c, c), truth(c)) : nan;
}
double ConfusionMatrix::f1(int64_t c) const {
  check_class(c);
  return scored(c) ? ratio(2 * count(c, c), truth(c) + predicted(c)) : nan;
}

/// Mean of metric(c) over the classes for which it is a number.
template <class Metric>
double ConfusionMatrix::mean(Metric metric) const {
  double sum = 0;
  int64_t n = 0;
  for (int64_t c = 0; c < class_count(); ++c)
    if (const double v = metric(c); !std::isnan(v)) {
      sum += v;
      ++n;
    }
  return n == 0 ? nan : sum / static_cast<double>(n);
}

double ConfusionMatrix::miou() const {
  return mean([&](int64_t c) { return iou(c); });
}

double ConfusionMatrix::miou_absent_as_zero() const {
  if (total() == 0) return nan;
  return mean([&](int64_t c) {
    const double v = iou(c);
    return scored(c) && std::isnan(v) ? 0.0 : v;
  });
}

double ConfusionMatrix::pixel_accuracy() const {
  int64_t right = 0;
  for (int64_t c = 0; c < class_count(); ++c) right += count(c, c);
  return ratio(right, total());
}

double ConfusionMatrix::mean_accuracy() const {
  return mean([&](int64_t c) { return recall(c); });
}

double ConfusionMatrix::mean_f1() const {
  return mean([&](int64_t c) { return f1(c); });
}

double ConfusionMatrix::frequency_weighted_iou() const {
  if (total() == 0) return nan;
  double sum = 0;
  for (int64_t c = 0; c < class_count(); ++c)
    if (truth(c) > 0) sum += ratio(truth(c), total()) * iou(c);
  return sum;
}

std::string ConfusionMatrix::to_string() const {
  size_t name_width = 5;
  for (const ClassInfo& c : classes_) name_width = std::max(name_width, c.name.size());
  std::ostringstream out;
  out << std::fixed << std::setprecision(2);
  const auto percent = [&](double v) {
    out << std::setw(11);
    if (std::isnan(v))
      out << "-";
    else
      out << 100 * v;
  };
  const int64_t pixels = total();
  out << std::left << std::setw(static_cast<int>(name_width)) << "class" << std::right;
  for (const char* head : {"IoU %", "prec. %", "recall %", "F1 %", "share %"})
    out << std::setw(11) << head;
  out << '\n';
  for (int64_t c = 0; c < class_count(); ++c) {
    if (!scored(c)) continue;
    out << std::left << std::setw(static_cast<int>(name_width))
        << classes_[static_cast<size_t>(c)].name << std::right;
    for (const double v : {iou(c), precision(c), recall(c), f1(c), ratio(truth(c), pixels)})
      percent(v);
    out << '\n';
  }
  const auto line = [&](const char* name, double v) {
    out << std::left << std::setw(36) << name << std::right;
    percent(v);
    out << '\n';
  };
  line("mean IoU (classes that occur)", miou());
  line("mean IoU (absent classes as 0)", miou_absent_as_zero());
  line("pixel accuracy", pixel_accuracy());
  line("mean class accuracy", mean_accuracy());
  line("frequency weighted IoU", frequency_weighted_iou());
  return out.str();
}

}  // namespace pixelgrad
