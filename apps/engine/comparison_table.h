#pragma once
#include <string>
#include <vector>

#include "apps/engine/comparison.h"

namespace pixelgrad {

/// The results as texts: a row a run, in the comparison's order.
struct ComparisonTable {
  struct Cell {
    std::string text;
    bool best = false;  ///< the highest score of its column
  };
  struct Column {
    std::string name;
    bool number = true;     ///< aligned to the right
    bool of_class = false;  ///< the IoU of one class
    std::vector<Cell> cells = {};
  };
  std::vector<Column> columns;
};

/// Run, mIoU and pixel accuracy of the last epoch, the best epoch's mIoU, training images a second,
/// parameters, the peak of memory in training, epochs, time, the last epoch's IoU of each class;
/// and where a run failed, why.
ComparisonTable comparison_table(const Comparison& comparison);

/// A sentence for readers: which checkpoint is scored, and what the columns mean.
const char* scoring_note();

/// As a Markdown table that is aligned as plain text too; the best scores stand between `mark`s.
std::string markdown(const ComparisonTable& table, const std::string& mark);

/// As CSV with full precision, scores as fractions; what there is not is empty.
std::string comparison_csv(const Comparison& comparison);

}  // namespace pixelgrad
