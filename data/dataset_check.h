#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/image_io.h"

namespace pixelgrad {

/// What is in a data set, and what is wrong with it.
struct DatasetReport {
  struct Class {
    ClassInfo info;
    int64_t pixels = 0;  ///< of this class in all samples
    int64_t images = 0;  ///< in which it occurs
    double share = 0;    ///< of the labelled pixels
  };

  std::string format;
  int64_t samples = 0;   ///< in the data set
  int64_t readable = 0;  ///< of them without a problem; all figures below are over these
  ImageSize smallest,
      largest;  ///< by each side: least and greatest height, least and greatest width
  int64_t distinct_sizes = 0;
  std::vector<Class> classes;
  int64_t pixels = 0;                   ///< labelled or not
  double ignored_share = 0;             ///< of all pixels
  std::array<double, 3> mean{}, std{};  ///< of pixel / 255, a channel
  /// Errors: samples that cannot be loaded, each a line that names the file.
  std::vector<std::string> problems;
  /// What loads but looks like a mistake: files left out, images without any label, classes that
  /// never occur, samples that are exact copies of one another.
  std::vector<std::string> warnings;

  /// For people: figures, a line a class, then warnings and problems. Ends with a newline.
  std::string to_string() const;
};

/// Loads every sample, in parallel, and reports. Samples that cannot be loaded become problems;
/// nothing is thrown for them. The report does not depend on the number of threads.
DatasetReport check_dataset(const Dataset& dataset);

/// Samples of `b` whose photo is an exact copy of one in `a`, as lines: a validation image that is
/// also trained on makes scores worthless. Unreadable samples are skipped.
std::vector<std::string> find_shared_images(const Dataset& a, const Dataset& b);

}  // namespace pixelgrad
