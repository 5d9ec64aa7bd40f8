#pragma once
#include <functional>

#include "apps/engine/checkpoint.h"
#include "data/confusion.h"
#include "data/dataset.h"

namespace pixelgrad {

struct Evaluation {
  ConfusionMatrix confusion;
  /// Mean over images of the mean cross-entropy of their valid pixels; where the network paints, of
  /// the mean squared error of all values.
  double loss = 0;
  int64_t images = 0;
  double seconds = 0;
};

/// Called after each image with the number done.
using EvaluationProgress = std::function<void(int64_t done)>;

/// Runs the model over every image of the data set, one at a time and whole, so that the score of
/// an image does not depend on its neighbours, and counts all pixels in one confusion matrix. Where
/// it paints (ModelCard), the data set must have targets, and a pixel's class is that of the
/// nearest colour.
Evaluation evaluate(SegmentationModel& model, const Dataset& dataset, const ModelCard& info,
                    int workers, const EvaluationProgress& progress = {});

}  // namespace pixelgrad
