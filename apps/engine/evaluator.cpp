#include "apps/engine/evaluator.h"

#include <chrono>
#include <optional>

#include "apps/engine/inference.h"
#include "apps/engine/painting.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/distance_loss.h"
#include "data/loader.h"

namespace pixelgrad {

Evaluation evaluate(SegmentationModel& model, const Dataset& dataset, const ModelCard& info,
                    int workers, const EvaluationProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  Evaluation out{.confusion = ConfusionMatrix(dataset.classes())};
  LoaderOptions options;
  options.batch_size = 1;
  options.workers = workers;
  options.normalization = info.normalization;
  Loader loader(dataset, options);
  loader.start_epoch(0);
  const NoGrad no_grad;
  std::optional<NearestColors> colors;
  if (info.paints) colors = painted_classes(info.classes);
  while (const auto batch = loader.next()) {
    if (info.paints) {
      const Tensor painted = paint(model, batch->images);
      const LabelMap classes = classes_of(to_picture(painted), *colors);
      out.confusion.add(Tensor::from(batch->labels.shape(), classes.ids), batch->labels);
      out.loss += mse(painted, batch->targets).item();
    } else {
      const Tensor logits = predict_logits(model, batch->images);
      out.confusion.add(argmax_classes(logits), batch->labels);
      out.loss += cross_entropy(logits, batch->labels, {.ignore_index = ignore_label}).item();
    }
    ++out.images;
    if (progress) progress(out.images);
  }
  out.loss /= static_cast<double>(std::max<int64_t>(1, out.images));
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

}  // namespace pixelgrad
