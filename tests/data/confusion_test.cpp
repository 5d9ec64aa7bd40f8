#include "data/confusion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

std::vector<ClassInfo> classes(int count) {
  std::vector<ClassInfo> list;
  for (const char* name : {"sky", "road", "car", "tree"}) list.push_back({.name = name});
  list.resize(static_cast<size_t>(count));
  return list;
}

ConfusionMatrix matrix(std::vector<ClassInfo> list, const std::vector<int32_t>& predictions,
                       const std::vector<int32_t>& labels) {
  ConfusionMatrix m(std::move(list));
  m.add(std::span<const int32_t>(predictions), std::span<const int32_t>(labels));
  return m;
}

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

// truth      0 0 0 0 1 1 1 2 2 2
// prediction 0 0 0 1 1 1 2 2 2 0
//            TP: 3 2 2   truth: 4 3 3   predicted: 4 3 3
TEST(ConfusionMatrix, ByHand) {
  const auto m = matrix(classes(3), {0, 0, 0, 1, 1, 1, 2, 2, 2, 0}, {0, 0, 0, 0, 1, 1, 1, 2, 2, 2});
  EXPECT_EQ(m.count(0, 0), 3);
  EXPECT_EQ(m.count(0, 1), 1);
  EXPECT_EQ(m.count(1, 2), 1);
  EXPECT_EQ(m.count(2, 0), 1);
  EXPECT_EQ(m.total(), 10);
  EXPECT_DOUBLE_EQ(m.iou(0), 3.0 / 5);
  EXPECT_DOUBLE_EQ(m.iou(1), 2.0 / 4);
  EXPECT_DOUBLE_EQ(m.iou(2), 2.0 / 4);
  EXPECT_DOUBLE_EQ(m.miou(), (0.6 + 0.5 + 0.5) / 3);
  EXPECT_DOUBLE_EQ(m.miou_absent_as_zero(), m.miou());
  EXPECT_DOUBLE_EQ(m.pixel_accuracy(), 0.7);
  EXPECT_DOUBLE_EQ(m.mean_accuracy(), (0.75 + 2.0 / 3 + 2.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(m.frequency_weighted_iou(), 0.4 * 0.6 + 0.3 * 0.5 + 0.3 * 0.5);
  EXPECT_DOUBLE_EQ(m.precision(0), 0.75);
  EXPECT_DOUBLE_EQ(m.recall(1), 2.0 / 3);
  EXPECT_DOUBLE_EQ(m.f1(0), 6.0 / 8);
  EXPECT_DOUBLE_EQ(m.f1(1), 4.0 / 6);
  EXPECT_DOUBLE_EQ(m.mean_f1(), (0.75 + 2.0 / 3 + 2.0 / 3) / 3);
}

// Unequal numbers of truth and prediction, so that precision and recall cannot be swapped.
TEST(ConfusionMatrix, PrecisionIsOfPredictionsAndRecallOfTruth) {
  const auto m = matrix(classes(2), {0, 0, 0, 1, 1}, {0, 1, 1, 1, 1});
  EXPECT_DOUBLE_EQ(m.precision(0), 1.0 / 3);
  EXPECT_DOUBLE_EQ(m.recall(0), 1);
  EXPECT_DOUBLE_EQ(m.precision(1), 1);
  EXPECT_DOUBLE_EQ(m.recall(1), 0.5);
  EXPECT_DOUBLE_EQ(m.frequency_weighted_iou(), 0.2 * (1.0 / 3) + 0.8 * 0.5);
}

TEST(ConfusionMatrix, IgnoredTruthIsLeftOut) {
  const auto m = matrix(classes(2), {0, 1, 1}, {0, 255, 255});
  EXPECT_EQ(m.total(), 1);
  EXPECT_EQ(m.predicted(1), 0);
  EXPECT_DOUBLE_EQ(m.pixel_accuracy(), 1);
}

TEST(ConfusionMatrix, AbsentClassesAreLeftOutUnlessPredicted) {
  // class 2 occurs nowhere; class 3 is only predicted
  const auto m = matrix(classes(4), {0, 1, 3}, {0, 1, 1});
  EXPECT_TRUE(std::isnan(m.iou(2)));
  EXPECT_TRUE(std::isnan(m.recall(3)));
  EXPECT_EQ(m.iou(3), 0);
  EXPECT_DOUBLE_EQ(m.miou(), (1 + 0.5 + 0) / 3);
  EXPECT_DOUBLE_EQ(m.miou_absent_as_zero(), (1 + 0.5 + 0 + 0) / 4);
  EXPECT_DOUBLE_EQ(m.mean_accuracy(), (1 + 0.5) / 2);
}

TEST(ConfusionMatrix, UnscoredClassesAreNotTruthButCanBeMissedInto) {
  std::vector<ClassInfo> list = classes(3);
  list[2].scored = false;
  // the pixel of true class 2 is left out; the prediction of 2 is a miss of class 1
  const auto m = matrix(list, {0, 2, 1, 0}, {0, 1, 1, 2});
  EXPECT_EQ(m.total(), 3);
  EXPECT_DOUBLE_EQ(m.iou(0), 1);
  EXPECT_DOUBLE_EQ(m.iou(1), 0.5);
  EXPECT_TRUE(std::isnan(m.iou(2)));
  EXPECT_DOUBLE_EQ(m.miou(), 0.75);
  EXPECT_DOUBLE_EQ(m.miou_absent_as_zero(), 0.75);
}

TEST(ConfusionMatrix, PredictedIgnoreIsAMiss) {
  const auto m = matrix(classes(2), {0, 255, 1}, {0, 0, 1});
  EXPECT_EQ(m.count(0, 2), 1);
  EXPECT_DOUBLE_EQ(m.iou(0), 0.5);
  EXPECT_DOUBLE_EQ(m.iou(1), 1);
  EXPECT_DOUBLE_EQ(m.pixel_accuracy(), 2.0 / 3);
}

TEST(ConfusionMatrix, EmptyHasNoScores) {
  const ConfusionMatrix m(classes(2));
  EXPECT_TRUE(std::isnan(m.miou()));
  EXPECT_TRUE(std::isnan(m.miou_absent_as_zero()));
  EXPECT_TRUE(std::isnan(m.pixel_accuracy()));
  EXPECT_TRUE(std::isnan(m.frequency_weighted_iou()));
  EXPECT_THAT(m.to_string(), HasSubstr("sky"));
}

// Many pixels, so that several tiles are merged; against a loop that counts one class at a time.
TEST(ConfusionMatrix, ManyPixelsAsCountedByANaiveLoop) {
  const int64_t n = 300'000;
  std::vector<uint8_t> labels, predictions;
  Random random({.seed = 3});
  for (int64_t i = 0; i < n; ++i) {
    labels.push_back(random.chance(0.1) ? ignore_label : static_cast<uint8_t>(random.below(4)));
    predictions.push_back(static_cast<uint8_t>(random.below(4)));
  }
  ConfusionMatrix whole(classes(4)), parts(classes(4));
  whole.add(std::span<const uint8_t>(predictions), std::span<const uint8_t>(labels));
  for (int64_t begin = 0; begin < n; begin += 100'000) {
    ConfusionMatrix part(classes(4));
    part.add(std::span<const uint8_t>(predictions).subspan(static_cast<size_t>(begin), 100'000),
             std::span<const uint8_t>(labels).subspan(static_cast<size_t>(begin), 100'000));
    parts.merge(part);
  }
  for (int t = 0; t < 4; ++t)
    for (int p = 0; p < 4; ++p) {
      int64_t expected = 0;
      for (size_t i = 0; i < labels.size(); ++i) expected += labels[i] == t && predictions[i] == p;
      EXPECT_EQ(whole.count(t, p), expected);
      EXPECT_EQ(parts.count(t, p), expected);
    }
}

TEST(ConfusionMatrix, TakesTensorsAndLabelMaps) {
  ConfusionMatrix m(classes(3));
  m.add(Tensor::from<int32_t>({1, 1, 3}, {0, 1, 2}), Tensor::from<int32_t>({1, 1, 3}, {0, 1, 1}));
  m.add(Tensor::from<uint8_t>({2}, {0, 1}), Tensor::from<int32_t>({2}, {0, 255}));
  LabelMap a(1, 1), b(1, 1);
  m.add(a, b);
  EXPECT_EQ(m.count(0, 0), 3);
  EXPECT_EQ(m.count(1, 2), 1);
  EXPECT_EQ(m.total(), 5);
  m.clear();
  EXPECT_EQ(m.total(), 0);
}

TEST(ConfusionMatrix, BadArgumentsSayWhatWasGot) {
  EXPECT_EQ(message_of([] {
              matrix(classes(2), {0, 7}, {0, 1});
            }),
            "[confusion] prediction 7 at position 1 is not a class id (0 to 1) or 255");
  EXPECT_EQ(message_of([] {
              matrix(classes(2), {0, 1}, {-1, 1});
            }),
            "[confusion] label -1 at position 0 is not a class id (0 to 1) or 255");
  EXPECT_EQ(message_of([] {
              matrix(classes(2), {0}, {0, 1});
            }),
            "[confusion] 1 predictions for 2 labels");
  EXPECT_EQ(message_of([] {
              ConfusionMatrix(classes(2))
                  .add(Tensor::zeros({2, 3}, Dtype::i32), Tensor::zeros({3, 2}, Dtype::i32));
            }),
            "[confusion] predictions [2,3] and labels [3,2] differ in shape");
  EXPECT_EQ(message_of([] {
              ConfusionMatrix(classes(2))
                  .add(Tensor::zeros({2}, Dtype::f32), Tensor::zeros({2}, Dtype::i32));
            }),
            "[confusion] got f32 on cpu, expected i32 or u8 on cpu");
  EXPECT_EQ(message_of([] { ConfusionMatrix(classes(2)).merge(ConfusionMatrix(classes(3))); }),
            "[confusion] merge of 3 classes into 2");
  EXPECT_EQ(message_of([] { ConfusionMatrix({}); }), "[confusion] 0 classes, expected 1 to 255");
}

TEST(ConfusionMatrix, TableNamesClassesAndBothMeans) {
  const std::string text = matrix(classes(4), {0, 1, 3}, {0, 1, 1}).to_string();
  EXPECT_THAT(text, HasSubstr("road       50.00     100.00      50.00      66.67      66.67\n"));
  EXPECT_THAT(text, HasSubstr("car            -          -          -          -       0.00\n"));
  EXPECT_THAT(text, HasSubstr("mean IoU (classes that occur)             50.00\n"));
  EXPECT_THAT(text, HasSubstr("mean IoU (absent classes as 0)            37.50\n"));
}

}  // namespace
}  // namespace pixelgrad
