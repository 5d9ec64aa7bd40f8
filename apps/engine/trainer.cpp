#include "apps/engine/trainer.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <deque>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/engine/evaluator.h"
#include "apps/engine/inference.h"
#include "apps/engine/painting.h"
#include "apps/engine/panels.h"
#include "apps/engine/precision.h"
#include "apps/engine/recipe.h"
#include "apps/engine/report.h"
#include "apps/engine/signals.h"
#include "autograd/ops/trusted_labels.h"
#include "data/file_io.h"
#include "data/loader.h"
#include "layers/init.h"
#include "layers/step_scope.h"
#include "models/input_file.h"
#include "models/load_weights.h"
#include "models/registry.h"
#include "optim/clip.h"
#include "optim/halt.h"
#include "tensor/allocator.h"
#include "tensor/atomic_file.h"
#include "tensor/parallel.h"
#include "tensor/readback.h"
#include "tensor/step_graph.h"
#include "tensor/uploads.h"

namespace pixelgrad {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

/// How many steps a device may be behind.
constexpr size_t most_under_way = 4;

/// One run, from its config to its last epoch.
class Trainer {
 public:
  explicit Trainer(const TrainRequest& request)
      : request_(request),
        config_(request.config),
        train_set_(open_dataset(dataset_options(config_, "train"))),
        val_set_(open_dataset(dataset_options(config_, "val"))),
        info_(model_card(config_, *train_set_)),
        loader_(*train_set_, loader_options(config_, info_.normalization, request.workers)),
        total_steps_(config_.epochs * loader_.batches_per_epoch()),
        schedule_(make_schedule(config_, total_steps_)),
        loss_(info_.paints ? LabelLoss() : make_loss(config_, *train_set_, request.device)),
        uploads_(request.device),
        step_graph_(request.device, request.cuda_graph) {
    choose_conv_algorithm(config_);
    choose_precision(config_.precision, request.device);
    const InitScope init(config_.seed);
    model_ = make_model(info_.model);
    model_->checkpoint_activations(config_.checkpoint_activations);
    model_->to(request_.device);
    optimizer_ = make_optimizer(config_, model_->parameters());
    halted_ = Tensor::zeros({}, Dtype::i32, request_.device);
  }

  /// Starts the run folder, or takes up the run that is in it.
  void open_folder() {
    const fs::path last = request_.out / last_checkpoint;
    const bool resuming = request_.resume && fs::exists(last);
    check<UsageError>(resuming || request_.overwrite || !fs::exists(last), "[train] ",
                      request_.out.string(),
                      " already holds a run; --resume goes on with it, --overwrite replaces it");
    if (!resuming) {
      load_first_values();
      check_samples(*train_set_, "training");
      check_samples(*val_set_, "validation");
    }
    fs::create_directories(request_.out);
    remove_stale_temporaries(request_.out);
    if (resuming) {
      const Checkpoint checkpoint = read_checkpoint(last);
      load_state(model_->state(), checkpoint.model);
      optimizer_->load_state(checkpoint.optimizer);
      state_ = checkpoint.state;
      saved_step_ = state_.step;
      timings_ = read_timings(request_.out, state_.history.size());
      info_.normalization = checkpoint.info.normalization;
    } else {
      for (const char* name : {last_checkpoint, best_checkpoint}) fs::remove(request_.out / name);
      fs::remove_all(request_.out / "panels");
      write_file(request_.out / "config.json",
                 nlohmann::ordered_json::parse(to_json(config_)).dump(2) + "\n");
      save();
    }
    fs::create_directories(request_.out / "panels");
    write_metrics(request_.out, state_.history, timings_, class_names());
  }

  TrainResult run() {
    const SignalScope signals;
    open_folder();
    announce();
    try {
      train_epochs();
    } catch (const OutOfMemoryError& e) {
      throw OutOfMemoryError(str(e.what(), "; ", (request_.out / last_checkpoint).string(),
                                 " holds the state after step ", saved_step_,
                                 ", from which --resume goes on"));
    }
    return result();
  }

 private:
  TrainResult result() const {
    return {.state = state_,
            .timings = timings_,
            .info = info_,
            .out = request_.out,
            .finished = state_.epoch == config_.epochs};
  }

  std::vector<std::string> class_names() const {
    std::vector<std::string> names;
    for (const ClassInfo& c : info_.classes) names.push_back(c.name);
    return names;
  }

  void say(const std::string& line) const {
    if (!request_.verbosity.quiet) std::fprintf(stderr, "%s\n", line.c_str());
  }

  /// Loads everything once before anything is written: bad pixels must not end a run in its third
  /// hour. What fits the data set's cache is not decoded again.
  void check_samples(const Dataset& dataset, const char* what) const {
    Progress progress(request_.verbosity, str("checking ", what, " images"), dataset.size());
    constexpr int64_t slice = 32;
    for (int64_t begin = 0; begin < dataset.size(); begin += slice) {
      const int64_t end = std::min(dataset.size(), begin + slice);
      parallel_for(end - begin, [&](int64_t i) { dataset.load(begin + i); });
      progress.update(end, end, "");
      if (const int signal = SignalScope::requested()) throw Interrupted{signal};
    }
  }

  /// Where the config names a file of weights. A run that is resumed has its own.
  void load_first_values() {
    if (config_.weights.empty()) return;
    const auto file = open_weights(config_.weights);
    const LoadReport report = load_weights(*model_, *file, request_.exact_weights);
    std::string line = str("weights ", config_.weights, " (", file->format());
    for (const std::string& name : file->unwrapped()) line += ", " + plain_name(name);
    std::string what = report.to_string();
    what.pop_back();  // the end of its last line
    say(line + ")\n" + what);
  }

  void announce() const {
    say(str(config_.data, " (", train_set_->format(), "): ", train_set_->size(), " training and ",
            val_set_->size(), " validation images, ", info_.classes.size(), " classes"));
    say(str(config_.model, ": ", model_->parameter_count(), " parameters; ", config_.optimizer,
            ", ", config_.schedule, " learning rate up to ", config_.lr, ", batches of ",
            config_.batch_size, ", ", total_steps_, " steps; run folder ", request_.out.string()));
    if (state_.step > 0)
      say(str("resuming after step ", state_.step, " (epoch ", state_.epoch + 1, ", batch ",
              state_.batch, ")"));
  }

  /// Only what is known to be finite is worth keeping.
  void save() {
    collect_numbers(/*all=*/true);
    save_checkpoint(request_.out / last_checkpoint, config_, info_, state_, *model_, *optimizer_);
    saved_step_ = state_.step;
  }

  /// Until all epochs are done, or the budget of steps.
  void train_epochs() {
    int64_t budget = request_.stop_after > 0 ? request_.stop_after : INT64_MAX;
    while (state_.epoch < config_.epochs) {
      if (!train_epoch(budget)) return;
      finish_epoch();
      if (budget == 0) return;
      leave_if_asked();
    }
  }

  void leave_if_asked() {
    if (const int signal = SignalScope::requested()) {
      save();
      throw Interrupted{signal};
    }
  }

  /// The steps of the epoch under way. False when the step budget ran out in it.
  bool train_epoch(int64_t& budget) {
    model_->train();
    const int64_t batches = loader_.batches_per_epoch();
    Progress progress(request_.verbosity, str("epoch ", state_.epoch + 1, "/", config_.epochs),
                      batches);
    loader_.start_epoch(state_.epoch, state_.batch);
    auto start = Clock::now();
    epoch_images_ = 0;
    epoch_seconds_ = 0;
    reset_peak_memory(request_.device);
    while (auto batch = loader_.next()) {
      epoch_images_ += batch->images.shape(0);
      step(std::move(*batch));
      ++state_.batch;
      ++state_.step;
      collect_numbers(/*all=*/state_.batch == batches);
      const auto now = Clock::now();
      epoch_seconds_ += std::chrono::duration<double>(now - start).count();
      start = now;
      char note[32] = "";
      if (const int64_t known = state_.batch - static_cast<int64_t>(under_way_.size()); known > 0)
        std::snprintf(note, sizeof note, "loss %.4f", state_.loss_sum / static_cast<double>(known));
      progress.update(state_.batch, epoch_images_, note);
      epoch_peak_mib_ = static_cast<double>(memory_stats(request_.device).peak_in_use) / (1 << 20);
      const bool stop = --budget == 0;
      if (state_.batch == batches) break;  // the epoch's end saves
      leave_if_asked();
      if (stop || (request_.save_every > 0 && state_.step % request_.save_every == 0)) save();
      if (stop) return false;
    }
    return true;
  }

  /// A step that was asked for, and whose numbers the host has not seen yet.
  struct StepUnderWay {
    Batch batch;
    int64_t step, epoch, batch_in_epoch;  ///< from 0
    Readback numbers;                     ///< loss and gradient norm
  };

  /// Asks for one optimizer step. A device may still be at the steps before: nothing here waits for
  /// it. It is the device that sees a number that is not finite, and from then on changes nothing.
  void step(Batch batch) {
    const StepScope scope(config_.seed, static_cast<uint64_t>(state_.step));
    const DeviceBatch uploaded = upload(batch);
    Tensor loss, norm;
    step_graph_.run([&] {
      loss = batch_loss(batch, uploaded);
      backward(loss);
      std::vector<Tensor> gradients = model_->gradients();
      norm = config_.clip_norm > 0 ? device_clip_gradient_norm(gradients, config_.clip_norm)
                                   : device_gradient_norm(gradients);
      halt_unless_finite(halted_, loss, norm);
      optimizer_->step(schedule_(state_.step), gradients, halted_);
      model_->clear_gradients();
    });
    uploads_.end_step();
    under_way_.push_back(
        {std::move(batch), state_.step, state_.epoch, state_.batch, Readback({loss, norm})});
  }

  /// Takes in the numbers of steps that are done, of all steps where `all`, in their order.
  void collect_numbers(bool all) {
    while (!under_way_.empty() &&
           (all || under_way_.size() > most_under_way || under_way_.front().numbers.ready())) {
      const std::vector<double> numbers = under_way_.front().numbers.values();
      const double loss = numbers[0], norm = numbers[1];
      if (!std::isfinite(loss)) find_culprit(under_way_.front(), "loss", loss);
      if (!std::isfinite(norm)) find_culprit(under_way_.front(), "gradient norm", norm);
      state_.loss_sum += loss;
      under_way_.pop_front();
    }
  }

  /// A batch where the network is. Labels are padded to the size of the logits, so the first batch
  /// of each size of images has them only then.
  struct DeviceBatch {
    Tensor images, targets;
  };

  DeviceBatch upload(const Batch& batch) {
    const int64_t h = batch.images.shape(1), w = batch.images.shape(2);
    const Tensor images = pad_reflect(batch.images, model_->input_padding(h, w));
    DeviceBatch out{uploads_.upload(images), {}};
    if (info_.paints) {
      check_one_size(batch);
      out.targets = uploads_.upload(batch.targets);
    } else if (const auto size = logits_sizes_.find({h, w}); size != logits_sizes_.end()) {
      out.targets = upload_labels(batch, size->second);
    }
    return out;
  }

  Tensor upload_labels(const Batch& batch, const ImageSize& size) {
    return uploads_.upload(pad_labels(batch.labels, size.height, size.width));
  }

  Tensor batch_loss(const Batch& batch, const DeviceBatch& uploaded) {
    const ModelOutput out = model_->forward(uploaded.images);
    if (info_.paints) return painting_loss(out, uploaded.targets);
    // No bad label leaves a data set; to look again on a device would be to wait for it.
    std::optional<TrustedLabels> trusted;
    if (request_.device != Device::cpu) trusted.emplace();
    if (uploaded.targets.defined()) return output_loss(out, uploaded.targets, loss_);
    const ImageSize size{.height = out.logits.shape(1), .width = out.logits.shape(2)};
    logits_sizes_[{batch.images.shape(1), batch.images.shape(2)}] = size;
    return output_loss(out, upload_labels(batch, size), loss_);
  }

  /// Around a smaller picture there is nothing to paint.
  static void check_one_size(const Batch& batch) {
    for (const ImageSize& size : batch.sizes)
      check<UsageError>(size == batch.sizes[0],
                        "[train] --target rgb needs images of one size in a batch, got ",
                        batch.sizes[0].width, "x", batch.sizes[0].height, " and ", size.width, "x",
                        size.height, "; --resize or --crop makes them so");
  }

  /// The step is a function of its inputs, and since it nothing has changed, so running it again
  /// under the guard finds the first op whose result is not finite.
  [[noreturn]] void find_culprit(const StepUnderWay& at, const char* what, double value) {
    std::string where = str("[train] ", what, " is ", value, " at step ", at.step + 1, " (epoch ",
                            at.epoch + 1, ", batch ", at.batch_in_epoch + 1, ")");
    std::string files = "; files:";
    for (const std::string& f : at.batch.files) files += " " + f;
    try {
      const StepScope scope(config_.seed, static_cast<uint64_t>(at.step));
      const NanGuard guard;
      model_->clear_gradients();
      backward(batch_loss(at.batch, upload(at.batch)));
    } catch (const NonFiniteError& e) {
      throw NonFiniteError(where + ": " + e.what() + files);
    }
    throw NonFiniteError(where + files);
  }

  bool validation_due(int64_t epoch) const {
    return epoch % config_.validate_every == 0 || epoch == config_.epochs;
  }

  /// Scores the epoch where that is due, then saves. The best checkpoint is written before the last
  /// one, so that a kill between the two only repeats the epoch's end.
  void finish_epoch() {
    Progress progress(request_.verbosity, "validating", val_set_->size());
    EpochMetrics row;
    row.epoch = state_.epoch + 1;
    row.step = state_.step;
    row.lr = schedule_(state_.step - 1);
    row.train_loss = state_.loss_sum / static_cast<double>(std::max<int64_t>(1, state_.batch));
    const bool validate = validation_due(row.epoch);
    // Without pixels counted, all scores are NaN.
    Evaluation scores{.confusion = ConfusionMatrix(info_.classes),
                      .loss = std::numeric_limits<double>::quiet_NaN()};
    if (validate) try {
        scores = evaluate(*model_, *val_set_, info_, request_.workers,
                          [&](int64_t done) { progress.update(done, done, ""); });
      } catch (const OutOfMemoryError&) {
        // Whole images may need more than the crops that are trained on.
        save();
        throw;
      }
    row.val_loss = scores.loss;
    if (info_.paints) row.psnr = psnr(scores.loss);
    row.miou = scores.confusion.miou();
    row.pixel_accuracy = scores.confusion.pixel_accuracy();
    for (int64_t c = 0; c < scores.confusion.class_count(); ++c)
      row.iou.push_back(scores.confusion.iou(c));
    const EpochTiming timing{
        .train_seconds = epoch_seconds_,
        .val_seconds = scores.seconds,
        .images_per_second = static_cast<double>(epoch_images_) / std::max(1e-9, epoch_seconds_),
        .peak_memory_mib = epoch_peak_mib_};
    const fs::path panels = validate ? draw_panels(row.epoch) : fs::path();

    ++state_.epoch;
    state_.batch = 0;
    state_.loss_sum = 0;
    state_.history.push_back(row);
    timings_.push_back(timing);
    const bool best = row.miou > state_.best_miou;
    if (best) {
      state_.best_miou = row.miou;
      state_.best_epoch = row.epoch;
      save_checkpoint(request_.out / best_checkpoint, config_, info_, state_, *model_, *optimizer_);
    }
    save();
    write_metrics(request_.out, state_.history, timings_, class_names());
    if (validate)
      write_report(request_.out, config_, info_, state_, timing, scores.confusion, panels);

    char score_text[100] = "", line[200];
    if (validate)
      std::snprintf(score_text, sizeof score_text, "  val loss %.4f  mIoU %.4f%s  accuracy %.4f",
                    row.val_loss, row.miou, best ? " *" : "  ", row.pixel_accuracy);
    std::snprintf(line, sizeof line, "epoch %*ld/%ld  loss %.4f%s  %.1f images/s  %s",
                  static_cast<int>(std::to_string(config_.epochs).size()),
                  static_cast<long>(row.epoch), static_cast<long>(config_.epochs), row.train_loss,
                  score_text, timing.images_per_second,
                  format_duration(timing.train_seconds + timing.val_seconds).c_str());
    progress.finish(line);
  }

  /// The file that was drawn; empty when none was asked for.
  fs::path draw_panels(int64_t epoch) {
    if (request_.panel_images <= 0) return {};
    char name[32];
    std::snprintf(name, sizeof name, "epoch_%03ld.png", static_cast<long>(epoch));
    const fs::path path = request_.out / "panels" / name;
    write_panels(path, *model_, *val_set_, info_, request_.panel_images);
    return path;
  }

  const TrainRequest& request_;
  const TrainConfig& config_;
  std::unique_ptr<Dataset> train_set_, val_set_;
  ModelCard info_;
  Loader loader_;
  int64_t total_steps_;
  int64_t saved_step_ = 0;  ///< of the last checkpoint
  Tensor halted_;           ///< not 0 from the first step on that is not finite
  std::deque<StepUnderWay> under_way_;
  Schedule schedule_;
  LabelLoss loss_;
  Uploads uploads_;
  StepGraph step_graph_;
  std::map<std::array<int64_t, 2>, ImageSize> logits_sizes_;  ///< by height and width of images
  std::unique_ptr<SegmentationModel> model_;
  std::unique_ptr<Optimizer> optimizer_;
  RunState state_;
  std::vector<EpochTiming> timings_;

  // Of the epoch under way, since it was started or resumed.
  int64_t epoch_images_ = 0;
  double epoch_seconds_ = 0;
  double epoch_peak_mib_ = 0;
};

}  // namespace

TrainResult train(const TrainRequest& request) { return Trainer(request).run(); }

std::optional<TrainConfig> stored_config(const fs::path& run) {
  const fs::path last = run / last_checkpoint;
  if (!fs::exists(last)) return std::nullopt;
  return read_checkpoint(last).config;
}

}  // namespace pixelgrad
