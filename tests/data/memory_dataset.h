#pragma once
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "tensor/check.h"

namespace pixelgrad::testing {

/// Samples that are given, for tests of what reads a data set. Sample `broken` throws on loading.
class MemoryDataset : public Dataset {
 public:
  explicit MemoryDataset(std::vector<Sample> samples, int64_t broken = -1,
                         std::vector<ClassInfo> classes = default_classes(3))
      : Dataset("memory", static_cast<int64_t>(samples.size()), std::move(classes)),
        samples_(std::move(samples)),
        broken_(broken) {}

  std::string name(int64_t index) const override { return "sample " + std::to_string(index); }

  mutable std::atomic<int> reads = 0;

 protected:
  Sample read(int64_t index) const override {
    ++reads;
    if (index == broken_) throw DataError("sample " + std::to_string(index) + " is broken");
    return samples_[static_cast<size_t>(index)];
  }

 private:
  std::vector<Sample> samples_;
  int64_t broken_;
};

/// A sample of one colour and one class.
inline Sample plain_sample(int64_t height, int64_t width, Rgb color, uint8_t id) {
  Sample s{Image(height, width, 3), LabelMap(height, width, id), "", ""};
  for (size_t i = 0; i < s.image.pixels.size(); ++i) s.image.pixels[i] = color[i % 3];
  return s;
}

}  // namespace pixelgrad::testing
