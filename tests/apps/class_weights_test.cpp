// Weights of classes, against shares counted by hand.
#include "apps/engine/class_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tensor/check.h"
#include "tests/data/memory_dataset.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;
using testing::MemoryDataset;
using testing::plain_sample;

/// An image of 2x4 pixels with these labels.
Sample labelled(const std::vector<uint8_t>& ids) {
  Sample sample = plain_sample(2, 4, {0, 0, 0}, 0);
  std::copy(ids.begin(), ids.end(), sample.labels.ids.begin());
  return sample;
}

/// Of 12 pixels with a class, 7 are of class 0 (in both images), 2 of class 1 (among 8 in its
/// image), 3 of class 2 (among 4), none of class 3.
MemoryDataset two_images() {
  const uint8_t none = ignore_label;
  return MemoryDataset(
      {labelled({0, 0, 0, 0, 0, 0, 1, 1}), labelled({0, 2, 2, 2, none, none, none, none})}, -1,
      default_classes(4));
}

void expect_weights(const std::string& rule, const std::vector<double>& expected) {
  const std::vector<double> weights = class_weights(rule, two_images()).to_doubles();
  ASSERT_EQ(weights.size(), expected.size());
  for (size_t c = 0; c < expected.size(); ++c)
    EXPECT_NEAR(weights[c], expected[c], 1e-6 * expected[c]) << "class " << c;
}

TEST(ClassWeights, Enet) {
  // 1 / ln(1.02 + p) of 7/12, 2/12 and 3/12.
  expect_weights("enet", {2.118263518840, 5.842887460424, 4.183804567926, 0});
}

TEST(ClassWeights, EnetWithALargerOffset) {
  // 1 / ln(1.1 + p).
  expect_weights("enet:1.1", {1.920211544197, 4.230319257068, 3.332171600025, 0});
}

TEST(ClassWeights, MedianFrequency) {
  // Frequencies 7/12, 2/8 and 3/4: the median is the first.
  expect_weights("median", {1, 7.0 / 3, 7.0 / 9, 0});
}

TEST(ClassWeights, Refusals) {
  const auto refusal = [](const std::string& rule, const Dataset& train) -> std::string {
    try {
      class_weights(rule, train);
    } catch (const Error& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal("inverse", two_images()),
              HasSubstr("class weights 'inverse', expected none, enet, enet:C or median"));
  for (const char* rule : {"enet:1", "enet:", "enet:nan", "enet:inf", "enet:1.1x", "median:2"})
    EXPECT_THAT(refusal(rule, two_images()), HasSubstr(std::string("class weights '") + rule +
                                                       "', expected enet:C with a C above 1"));
  const MemoryDataset unlabelled({plain_sample(2, 4, {0, 0, 0}, ignore_label)});
  EXPECT_THAT(refusal("enet", unlabelled),
              HasSubstr("no pixel of the training images has a class"));
}

}  // namespace
}  // namespace pixelgrad
