#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/palette.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Counts of (true class, predicted class) over pixels, and the metrics that follow from them.
///
/// Pixels whose truth is ignore_label or a class that is not scored are left out altogether. A
/// prediction of ignore_label or of an unscored class on a scored pixel is a miss: it lowers the
/// recall of the true class and the precision of no scored class (as Cityscapes scores it).
///
/// Absent classes: a class with neither truth nor prediction has no IoU (NaN) and is left out of
/// means; a class without truth that is predicted somewhere has IoU 0 and counts.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::vector<ClassInfo> classes);

  /// Adds pixels. Sizes must agree; a prediction or label that is neither a class id nor
  /// ignore_label throws Error naming the position and the value.
  void add(std::span<const int32_t> predictions, std::span<const int32_t> labels);
  void add(std::span<const uint8_t> predictions, std::span<const uint8_t> labels);
  void add(std::span<const int32_t> predictions, std::span<const uint8_t> labels);
  /// The same for tensors of equal shape on the CPU, each i32 or u8.
  void add(const Tensor& predictions, const Tensor& labels);
  void add(const LabelMap& predictions, const LabelMap& labels);

  /// Adds the counts of another matrix over as many classes.
  void merge(const ConfusionMatrix& other);
  void clear();

  const std::vector<ClassInfo>& classes() const { return classes_; }
  int64_t class_count() const { return static_cast<int64_t>(classes_.size()); }
  /// Pixels of true class `truth` that were predicted as `predicted`; predicted == class_count()
  /// counts predictions of ignore_label.
  int64_t count(int64_t truth, int64_t predicted) const;
  /// Scored pixels added so far.
  int64_t total() const;
  /// Pixels whose truth is class c.
  int64_t truth(int64_t c) const;
  /// Scored pixels that were predicted as class c.
  int64_t predicted(int64_t c) const;

  // Of one class, with TP = count(c, c), FN = truth(c) - TP, FP = predicted(c) - TP. NaN where the
  // denominator is 0, and for classes that are not scored.

  double iou(int64_t c) const;        ///< TP / (TP + FP + FN)
  double precision(int64_t c) const;  ///< TP / (TP + FP)
  double recall(int64_t c) const;     ///< TP / (TP + FN), the class accuracy
  double f1(int64_t c) const;         ///< 2 TP / (2 TP + FP + FN), the Dice score

  // Over the scored classes. NaN when nothing was added.

  /// Mean IoU over the classes that occur in truth or prediction.
  double miou() const;
  /// Mean IoU over all scored classes, absent ones as 0: the other convention that papers and
  /// libraries use. Never above miou().
  double miou_absent_as_zero() const;
  double pixel_accuracy() const;          ///< sum of TP / total
  double mean_accuracy() const;           ///< mean recall over the classes that occur in the truth
  double frequency_weighted_iou() const;  ///< sum of truth(c) / total * iou(c)
  double mean_f1() const;                 ///< mean F1 over the classes that occur

  /// A table with a line a class (IoU, precision, recall, F1, share of the truth, in percent) and
  /// the means below. Ends with a newline.
  std::string to_string() const;

 private:
  template <class P, class L>
  void add_pixels(std::span<const P> predictions, std::span<const L> labels);
  int64_t& cell(int64_t truth, int64_t predicted) {
    return counts_[static_cast<size_t>(truth * (class_count() + 1) + predicted)];
  }
  bool scored(int64_t c) const { return classes_[static_cast<size_t>(c)].scored; }
  void check_class(int64_t c) const;
  template <class Metric>
  double mean(Metric metric) const;

  std::vector<ClassInfo> classes_;
  std::vector<int64_t> counts_;  // class_count() rows of class_count() + 1; zero in unscored rows
};

}  // namespace pixelgrad
