#include "data/readers/streets.h"

#include <utility>

#include "data/readers/layout.h"
#include "data/streets.h"
#include "tensor/check.h"

namespace pixelgrad::readers {
namespace {

class StreetsDataset : public Dataset {
 public:
  StreetsDataset(const StreetOptions& options, int64_t first, int64_t count)
      : Dataset("streets", count, street_classes()), options_(options), first_(first) {}

  std::string name(int64_t index) const override { return str("streets #", first_ + index); }

 protected:
  Sample read(int64_t index) const override {
    StreetScene scene = render_street(options_, first_ + index);
    return {std::move(scene.image), std::move(scene.labels), "", ""};
  }

 private:
  StreetOptions options_;
  int64_t first_;
};

}  // namespace

std::unique_ptr<Dataset> open_streets(const DatasetOptions& options) {
  choose_labels(options, "streets", {});
  const DatasetOptions::Streets& s = options.streets;
  check<UsageError>(s.train >= 1 && s.val >= 1, "[streets] ", s.train, " train and ", s.val,
                    " val scenes, expected at least 1 of each");
  check<UsageError>(s.height >= 32 && s.width >= 32, "[streets] scenes of ", s.width, "x", s.height,
                    ", sides must be at least 32");
  check<UsageError>(options.classes.empty(),
                    "[streets] has classes of its own, expected no class list");
  const StreetOptions scene{.height = s.height, .width = s.width, .seed = s.seed};
  if (options.split == "train") return std::make_unique<StreetsDataset>(scene, 0, s.train);
  if (options.split == "val") return std::make_unique<StreetsDataset>(scene, s.train, s.val);
  if (options.split == "test")
    return std::make_unique<StreetsDataset>(scene, s.train + s.val, s.val);
  throw UsageError(str("[streets] split \"", options.split, "\", expected train, val or test"));
}

}  // namespace pixelgrad::readers
