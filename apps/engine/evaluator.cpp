#include "apps/engine/evaluator.h"

#include <chrono>

#include "apps/engine/inference.h"
#include "autograd/ops/cross_entropy.h"
#include "data/loader.h"

namespace pixelgrad {

Evaluation evaluate(SegmentationModel& model, const Dataset& dataset,
                    const Normalization& normalization, int workers,
                    const EvaluationProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  Evaluation out{.confusion = ConfusionMatrix(dataset.classes())};
  LoaderOptions options;
  options.batch_size = 1;
  options.workers = workers;
  options.normalization = normalization;
  Loader loader(dataset, options);
  loader.start_epoch(0);
  const NoGrad no_grad;
  while (const auto batch = loader.next()) {
    const Tensor logits = predict_logits(model, batch->images);
    out.confusion.add(argmax_classes(logits), batch->labels);
    out.loss += cross_entropy(logits, batch->labels, {.ignore_index = ignore_label}).item();
    ++out.images;
    if (progress) progress(out.images);
  }
  out.loss /= static_cast<double>(std::max<int64_t>(1, out.images));
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

}  // namespace pixelgrad
