#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/engine/evaluator.h"
#include "apps/engine/model_source.h"
#include "apps/engine/painting.h"
#include "apps/engine/progress.h"

namespace pixelgrad {
namespace {

nlohmann::ordered_json number(double v) {
  return std::isfinite(v) ? nlohmann::ordered_json(v) : nlohmann::ordered_json(nullptr);
}

}  // namespace

void add_evaluate_command(CLI::App& app, const CommonFlags& common) {
  struct Flags {
    ModelSource source;
    std::string data, split = "val", format, labels;
    int workers = 1;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = app.add_subcommand(
      "evaluate", "Score a trained network: IoU per class, mIoU, pixel accuracy");
  flags->source.bind(*cmd);
  cmd->add_option("--data", flags->data,
                  "A data set's folder, or streets (default: what the run was trained on)");
  cmd->add_option("--format", flags->format,
                  "How the folder is laid out (default: as in training)");
  cmd->add_option("--labels", flags->labels,
                  "Which classes, where several sets are usual (default: as in training)");
  cmd->add_option("--split", flags->split, "Part of the data set")->capture_default_str();
  cmd->add_option("--workers", flags->workers, "Threads that load images")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  cmd->callback([flags, &common] {
    const Checkpoint checkpoint = flags->source.read();
    const auto dataset =
        open_like_training(checkpoint, flags->data, flags->format, flags->labels, flags->split);
    const auto model = restore_model(checkpoint);
    model->to(common.device);
    Progress progress(Verbosity::detect(common.quiet), "evaluating", dataset->size());
    const Evaluation scores = evaluate(*model, *dataset, checkpoint.info, flags->workers,
                                       [&](int64_t done) { progress.update(done, done, ""); });
    const ConfusionMatrix& m = scores.confusion;
    if (common.json) {
      nlohmann::ordered_json iou = nlohmann::ordered_json::object();
      for (size_t c = 0; c < dataset->classes().size(); ++c)
        iou[dataset->classes()[c].name] = number(m.iou(static_cast<int64_t>(c)));
      nlohmann::ordered_json out{
          {"miou", number(m.miou())},
          {"iou", iou},
          {"pixel_accuracy", number(m.pixel_accuracy())},
          {"images", scores.images},
          {"loss", number(scores.loss)},
          {"images_per_second", static_cast<double>(scores.images) / scores.seconds}};
      if (checkpoint.info.paints) out["psnr"] = number(psnr(scores.loss));
      std::printf("%s\n", out.dump().c_str());
    } else {
      std::printf("%s", m.to_string().c_str());
      if (checkpoint.info.paints)
        std::printf(
            "mean squared error %.6f, PSNR %.2f dB; classes are those of the nearest colours\n",
            scores.loss, psnr(scores.loss));
    }
  });
}

}  // namespace pixelgrad
