// Cityscapes as its archives unpack: leftImg8bit and gtFine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/confusion.h"
#include "data/file_io.h"
#include "data/streets.h"
#include "tests/data/dataset_helpers.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::ScratchFolder;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// One sample of one row, with the ids of its labelIds file.
void write_sample(const fs::path& root, const std::string& split, const std::string& city,
                  const std::string& name, std::vector<uint8_t> ids) {
  const auto width = static_cast<int64_t>(ids.size());
  for (const char* type : {"leftImg8bit", "gtFine"})
    fs::create_directories(root / type / split / city);
  write_png(root / "leftImg8bit" / split / city / (name + "_leftImg8bit.png"), photo(1, width));
  const fs::path truth = root / "gtFine" / split / city;
  write_label_png(truth / (name + "_gtFine_labelIds.png"), labels_of(1, width, std::move(ids)));
  // What else lies there must not be taken for masks.
  write_png(truth / (name + "_gtFine_color.png"), photo(1, 1));
  write_png(truth / (name + "_gtFine_instanceIds.png"), photo(1, 1));
  write_file(truth / (name + "_gtFine_polygons.json"), std::string_view("{}"));
}

TEST(CityscapesFormat, CitiesAndTrainIds) {
  const ScratchFolder root;
  // unlabeled, road, sidewalk, parking, polegroup, pole, bicycle, 255 (license plate, -1)
  write_sample(root.path(), "train", "bochum", "bochum_000000_000313",
               {0, 7, 8, 9, 18, 17, 33, 255});
  write_sample(root.path(), "train", "aachen", "aachen_000010_000019", {23});
  write_sample(root.path(), "train", "aachen", "aachen_000002_000019", {24});
  write_sample(root.path(), "val", "lindau", "lindau_000000_000019", {26});
  const auto data = open_dataset({.path = root.path()});
  EXPECT_EQ(data->format(), "cityscapes");
  EXPECT_THAT(data->warnings(), ElementsAre());
  EXPECT_EQ(names_of(data->classes()), names_of(cityscapes19_classes()));
  ASSERT_EQ(data->size(), 3);
  EXPECT_THAT(data->name(0), HasSubstr("aachen/aachen_000002_000019_leftImg8bit.png"));
  EXPECT_THAT(data->load(0).labels.ids, ElementsAre(11));
  EXPECT_THAT(data->load(1).labels.ids, ElementsAre(10));
  EXPECT_THAT(data->load(2).labels.ids, ElementsAre(255, 0, 1, 255, 255, 5, 18, 255));
  EXPECT_EQ(open_dataset({.path = root.path(), .split = "all"})->size(), 4);
}

TEST(CityscapesFormat, ThirtyFourIdsAreScoredAsTheNineteen) {
  const ScratchFolder root;
  write_sample(root.path(), "val", "lindau", "a", {7, 7, 0, 9, 26, 3});
  const auto data = open_dataset({.path = root.path(), .split = "val", .labels = "34"});
  ASSERT_EQ(data->classes().size(), 34u);
  const LabelMap truth = data->load(0).labels;
  EXPECT_THAT(truth.ids, ElementsAre(7, 7, 0, 9, 26, 3));
  // Road where the truth is void is no mistake; void where it is road is a miss:
  // road 1 / (1 + 1), car 1 / 1.
  ConfusionMatrix m(data->classes());
  m.add(labels_of(1, 6, {7, 0, 7, 7, 26, 26}), truth);
  EXPECT_EQ(m.total(), 3);
  EXPECT_DOUBLE_EQ(m.iou(7), 0.5);
  EXPECT_DOUBLE_EQ(m.iou(26), 1);
  EXPECT_DOUBLE_EQ(m.miou(), 0.75);
  // The same pixels as train ids.
  const auto nineteen = open_dataset({.path = root.path(), .split = "val", .labels = "19"});
  ConfusionMatrix m19(nineteen->classes());
  m19.add(labels_of(1, 6, {0, 255, 0, 0, 13, 13}), nineteen->load(0).labels);
  EXPECT_DOUBLE_EQ(m19.miou(), 0.75);
}

TEST(CityscapesFormat, StreetsWrittenAsCityscapesKeepTheirLabels) {
  const ScratchFolder scratch;
  const StreetOptions options{.height = 40, .width = 56, .seed = 3};
  write_streets(scratch / "data", options, 2, 1, StreetsLayout::cityscapes);
  const auto data = open_dataset({.path = scratch / "data", .split = "val"});
  ASSERT_EQ(data->size(), 1);
  const StreetScene scene = render_street(options, 2);
  const Sample sample = data->load(0);
  EXPECT_EQ(sample.image, scene.image);
  const std::vector<std::string> meaning = {"sky",      "building",   "pole",         "road",
                                            "sidewalk", "vegetation", "traffic sign", "fence",
                                            "car",      "person",     "rider"};
  for (size_t i = 0; i < scene.labels.ids.size(); ++i) {
    const uint8_t street = scene.labels.ids[i], id = sample.labels.ids[i];
    ASSERT_EQ(id == ignore_label, street == ignore_label);
    if (id != ignore_label) {
      ASSERT_EQ(data->classes()[id].name, meaning.at(street));
    }
  }
}

TEST(CityscapesFormat, EveryErrorIsOneLineThatNamesWhatIsWrong) {
  const ScratchFolder root;
  write_sample(root.path(), "train", "ulm", "a", {7, 34});
  write_sample(root.path(), "train", "ulm", "b", {7});
  std::vector<std::string> errors = {load_error({.path = root.path()})};
  EXPECT_THAT(errors.back(), HasSubstr("a_gtFine_labelIds.png: pixel (x=1, y=0) has id 34, "
                                       "expected 0 to 33 or 255"));
  errors.push_back(open_error({.path = root.path(), .split = "val"}));
  EXPECT_THAT(errors.back(), HasSubstr("leftImg8bit has no split \"val\", found train"));
  errors.push_back(open_error({.path = root.path(), .labels = "30"}));
  EXPECT_EQ(errors.back(), "[dataset] labels \"30\" for format cityscapes, expected 19, 34");

  const fs::path photos = root / "leftImg8bit/train/ulm", truth = root / "gtFine/train/ulm";
  write_png(photos / "c.png", photo(1, 1));
  errors.push_back(open_error({.path = root.path()}));
  EXPECT_THAT(errors.back(), HasSubstr("c.png: expected a name that ends in _leftImg8bit"));
  fs::remove(photos / "c.png");

  fs::rename(truth / "b_gtFine_labelIds.png", truth / "c_gtFine_labelIds.png");
  errors.push_back(open_error({.path = root.path()}));
  EXPECT_THAT(errors.back(), HasSubstr("image without mask: " + (photos / "b_left").string()));
  EXPECT_THAT(errors.back(),
              HasSubstr("expected gtFine/{split}/{city}/{name}_gtFine_labelIds.png"));
  write_label_png(truth / "b_gtFine_labelIds.png", labels_of(1, 2, {7, 7}));
  errors.push_back(open_error({.path = root.path()}));
  EXPECT_THAT(errors.back(), HasSubstr("b_gtFine_labelIds.png is 2x1, its image"));
  write_label_png(truth / "b_gtFine_labelIds.png", labels_of(1, 1, {7}));
  EXPECT_THAT(open_dataset({.path = root.path()})->warnings(),
              ElementsAre("mask without image: " + (truth / "c_gtFine_labelIds.png").string()));

  fs::create_directories(root / "leftImg8bit/val");
  errors.push_back(open_error({.path = root.path(), .split = "val"}));
  EXPECT_THAT(errors.back(), HasSubstr("leftImg8bit/val: no images, expected {city}/*"));
  fs::remove_all(root / "gtFine");
  errors.push_back(open_error({.path = root.path()}));
  EXPECT_THAT(errors.back(), HasSubstr("gtFine is missing"));
  EXPECT_THAT(errors, Each(::testing::Not(HasSubstr("\n"))));
}

TEST(CityscapesFormat, OtherFormatsHaveNoLabelSets) {
  const ScratchFolder root;
  write_folder_split(root.path(), "train", {0, 1, 1, 0});
  EXPECT_EQ(open_error({.path = root.path(), .labels = "19"}),
            "[dataset] labels \"19\" for format folder, expected none: it has classes of its own");
  EXPECT_THAT(open_error({.path = "streets", .labels = "34"}), HasSubstr("for format streets"));
}

}  // namespace
}  // namespace pixelgrad
