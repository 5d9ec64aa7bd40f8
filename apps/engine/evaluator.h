#pragma once
#include <functional>

#include "data/confusion.h"
#include "data/dataset.h"
#include "data/normalize.h"
#include "models/model.h"

namespace pixelgrad {

struct Evaluation {
  ConfusionMatrix confusion;
  double loss = 0;  ///< mean over images of the mean cross-entropy of their valid pixels
  int64_t images = 0;
  double seconds = 0;
};

/// Called after each image with the number done.
using EvaluationProgress = std::function<void(int64_t done)>;

/// Runs the model over every image of the data set, one at a time and whole, so that the score of
/// an image does not depend on its neighbours, and counts all pixels in one confusion matrix.
Evaluation evaluate(SegmentationModel& model, const Dataset& dataset,
                    const Normalization& normalization, int workers,
                    const EvaluationProgress& progress = {});

}  // namespace pixelgrad
