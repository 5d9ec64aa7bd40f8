// Time and memory of whole training steps (forward, cross-entropy, backward, AdamW) and of
// inference.
//
//   build/release/bench/bench_step                        a training step of unet-w64
//   build/release/bench/bench_step --mode infer --json
//
// bench/README.md says what the figures mean; bench/torch_step.py does the same in PyTorch, and
// bench/compare_torch.py runs both in turn.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/engine/version.h"
#include "autograd/graph.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/trusted_labels.h"
#include "bench/conv_shapes.h"
#include "bench/machine.h"
#include "bench/median.h"
#include "bench/program.h"
#include "bench/yardstick.h"
#include "layers/init.h"
#include "layers/step_scope.h"
#include "models/registry.h"
#include "optim/adam.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/step_graph.h"

namespace pixelgrad::bench {
namespace {

using Json = nlohmann::ordered_json;

/// A network with the batch that it is measured on.
struct Entry {
  std::string name;
  std::string model;
  OptionMap options;
  ConvNet batch;
  std::function<std::vector<ConvShape>(const ConvNet&)> convolutions;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {"unet-w64", "unet", {{"width", "64"}}, {}, [](const ConvNet& n) { return unet(n, 64); }},
      {"deeplabv3-resnet50", "deeplabv3-resnet50", {{"aux_weight", "0"}}, {}, deeplabv3_resnet50},
      {"pspnet-resnet50", "pspnet-resnet50", {{"aux_weight", "0"}}, {.size = 257}, pspnet_resnet50},
      {"pspnet-keras", "pspnet-keras", {}, {.classes = 3}, pspnet_keras},
  };
  return all;
}

enum class Mode { train, infer };

/// Operations of the convolutions: forward, and in training both gradients, but that of the images.
double flops_a_step(const Entry& entry, Mode mode) {
  const std::vector<ConvShape> convolutions = entry.convolutions(entry.batch);
  double forward = 0;
  for (const ConvShape& c : convolutions)
    forward += least_work(conv_call(c, Direction::forward)).flops;
  if (mode == Mode::infer) return forward;
  return 3 * forward - least_work(conv_call(convolutions[0], Direction::input_gradient)).flops;
}

/// A model, its batch and its optimizer.
class Stepper {
 public:
  Stepper(const Entry& entry, Mode mode, Device device, bool checkpoint_activations,
          bool cuda_graph)
      : mode_(mode),
        model_(make(entry, device)),
        optimizer_(model_->parameters()),
        images_(random_images(entry.batch).to(device)),
        labels_(random_labels(entry.batch).to(device)),
        graph_(device, cuda_graph) {
    model_->train(mode == Mode::train);
    model_->checkpoint_activations(checkpoint_activations);
  }

  void step() {
    if (mode_ == Mode::train)
      train();
    else
      infer();
  }

  int64_t parameters() const { return model_->parameter_count(); }

 private:
  static std::unique_ptr<SegmentationModel> make(const Entry& entry, Device device) {
    const InitScope init(0);
    auto model =
        make_model({.name = entry.model, .classes = entry.batch.classes, .options = entry.options});
    model->to(device);
    return model;
  }

  static Tensor random_images(const ConvNet& batch) {
    Tensor images = Tensor::empty({batch.batch, batch.size, batch.size, 3}, Dtype::f32);
    fill_normal(images, {.seed = 1}, 0, 1);
    return images;
  }

  static Tensor random_labels(const ConvNet& batch) {
    Tensor labels = Tensor::empty({batch.batch, batch.size, batch.size}, Dtype::i32);
    Random random({.seed = 2});
    for (int64_t i = 0; i < labels.numel(); ++i)
      labels.mutable_data<int32_t>()[i] = static_cast<int32_t>(random.below(batch.classes));
    return labels;
  }

  /// As the trainer asks for it: where there is a device, nothing waits for it in a step.
  void train() {
    const StepScope scope(0, steps_++);
    std::optional<TrustedLabels> trusted;
    if (labels_.device() != Device::cpu) trusted.emplace();
    graph_.run([&] {
      const Tensor loss = cross_entropy(model_->forward(images_).logits, labels_);
      backward(loss);
      optimizer_.step(1e-4, model_->gradients());
      model_->clear_gradients();
    });
  }

  void infer() {
    const NoGrad no_grad;
    model_->forward(images_);
  }

  Mode mode_;
  std::unique_ptr<SegmentationModel> model_;
  AdamW optimizer_;
  Tensor images_, labels_;
  StepGraph graph_;
  uint64_t steps_ = 0;
};

struct Options {
  std::string model = "unet-w64";
  std::string mode = "train";
  int rounds = 5;
  Device device = Device::cpu;
  int64_t batch = 0, size = 0;  // 0: as the network's entry says
  bool checkpoint_activations = false, cuda_graph = true, json = false, turns = false;
};

/// Steps of one model, and what is known about them.
class Session {
 public:
  Session(const Entry& entry, Mode mode, Device device, bool checkpoint_activations,
          bool cuda_graph)
      : entry_(entry),
        mode_(mode),
        checkpoint_activations_(checkpoint_activations),
        cuda_graph_(cuda_graph),
        yardstick_(make_yardstick(device)),
        stepper_(entry, mode, device, checkpoint_activations, cuda_graph),
        bytes_before_(yardstick_->bytes()) {
    measure_peak();
    // The first step asks the system for memory, the second has it. A third makes the graph on
    // CUDA.
    const int steps = device == Device::cpu ? 2 : 3;
    for (int i = 0; i < steps; ++i) warm_up_.push_back(timed_step());
  }

  void measure_peak() { peak_ = std::max(peak_, yardstick_->compute_peak(peak_window)); }
  void step() { seconds_.push_back(timed_step()); }

  const std::vector<double>& warm_up() const { return warm_up_; }
  const std::vector<double>& step_seconds() const { return seconds_; }

  /// A step faster than the peak proves that every measurement of the peak was disturbed.
  bool discard() const { return share(minimum()) > 1.02; }

  Json json() const {
    return {{"name", str(entry_.name, mode_ == Mode::train ? "-train" : "-infer")},
            {"date", utc_now()},
            {"device", yardstick_->device()},
            {"threads", num_threads()},
            {"version", version_text()},
            {"batch", entry_.batch.batch},
            {"size", entry_.batch.size},
            {"classes", entry_.batch.classes},
            {"checkpoint_activations", checkpoint_activations_},
            {"cuda_graph", cuda_graph_},
            {"parameters", stepper_.parameters()},
            {"seconds", seconds_},
            {"median_s", median(seconds_)},
            {"min_s", minimum()},
            {"images_per_s", static_cast<double>(entry_.batch.batch) / median(seconds_)},
            {"bytes_before", bytes_before_},
            {"bytes_peak", yardstick_->peak_bytes()},
            {"bytes", yardstick_->peak_bytes() - bytes_before_},
            {"flops", flops_},
            {"peak", yardstick_->compute_name()},
            {"peak_gflops", peak_},
            {"share_of_peak", share(median(seconds_))},
            {"share_of_peak_of_minimum", share(minimum())},
            {"discard", discard()}};
  }

 private:
  static constexpr double peak_window = 10e-3;

  /// Wall time.
  double timed_step() {
    const double start = wall_seconds();
    stepper_.step();
    yardstick_->wait();
    return wall_seconds() - start;
  }

  double minimum() const { return *std::min_element(seconds_.begin(), seconds_.end()); }
  double share(double step_seconds) const { return flops_ / step_seconds / (peak_ * 1e9); }

  const Entry& entry_;
  Mode mode_;
  bool checkpoint_activations_, cuda_graph_;
  std::unique_ptr<Yardstick> yardstick_;
  Stepper stepper_;
  int64_t bytes_before_;
  double flops_ = flops_a_step(entry_, mode_);
  double peak_ = 0;  // of multiply-adds, GFLOP/s
  std::vector<double> warm_up_, seconds_;
};

void print(const Json& r) {
  const auto number = [&](const char* key) { return r[key].get<double>(); };
  const auto mib = [&](const char* key) { return number(key) / (1 << 20); };
  const auto text = [&](const char* key) { return r[key].get<std::string>(); };
  std::printf("%s: batch %.0f, %.0fx%.0f, %.0f classes, %.0f parameters; %s\n",
              text("name").c_str(), number("batch"), number("size"), number("size"),
              number("classes"), number("parameters"), text("device").c_str());
  std::printf("time     median %.4f s, minimum %.4f s of %zu; %.2f images/s\n", number("median_s"),
              number("min_s"), r["seconds"].size(), number("images_per_s"));
  std::printf("memory   %.0f MiB: peak %.0f, before the first batch %.0f\n", mib("bytes"),
              mib("bytes_peak"), mib("bytes_before"));
  std::printf(
      "speed    %.1f GFLOP of convolutions: %.1f %% of the %s of %.1f GFLOP/s "
      "(the fastest step %.1f %%)\n",
      number("flops") * 1e-9, 100 * number("share_of_peak"), text("peak").c_str(),
      number("peak_gflops"), 100 * number("share_of_peak_of_minimum"));
}

/// Steps when asked, for a program that lets several take turns: prints the seconds of the warm-up;
/// then, for each number of seconds read, steps for at least that long and prints the seconds of
/// these steps; at the end of the input the result.
void take_turns(Session& session) {
  std::cout << Json(session.warm_up()).dump() << std::endl;
  double at_least = 0;
  while (std::cin >> at_least) {
    session.measure_peak();
    const size_t before = session.step_seconds().size();
    double done = 0;
    do {
      session.step();
      done += session.step_seconds().back();
    } while (done < at_least);
    const auto& all = session.step_seconds();
    std::cout
        << Json(std::vector<double>(all.begin() + static_cast<int64_t>(before), all.end())).dump()
        << std::endl;
  }
}

int run(const Options& options) {
  const auto entry = std::find_if(entries().begin(), entries().end(),
                                  [&](const Entry& e) { return e.name == options.model; });
  Entry measured = *entry;
  if (options.batch > 0) measured.batch.batch = options.batch;
  if (options.size > 0) measured.batch.size = options.size;
  Session session(measured, options.mode == "train" ? Mode::train : Mode::infer, options.device,
                  options.checkpoint_activations, options.cuda_graph);
  if (options.turns) {
    take_turns(session);
    check(!session.step_seconds().empty(), "--turns: no turns on standard input");
  } else {
    for (int round = 0; round < options.rounds; ++round) {
      session.measure_peak();
      session.step();
    }
  }
  const Json result = session.json();
  if (options.json || options.turns)
    std::cout << result.dump() << std::endl;
  else
    print(result);
  if (!session.discard()) return 0;
  std::fprintf(stderr,
               "bench_step: a step was faster than the peak, which was taken while the "
               "machine was disturbed: discard this run\n");
  return 1;
}

int run_main(int argc, char** argv) {
  CLI::App app("Time and memory of training steps and of inference.", "bench_step");
  Options options;
  std::vector<std::string> names;
  for (const Entry& e : entries()) names.push_back(e.name);
  app.add_option("--model", options.model, "Which network")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  app.add_option("--mode", options.mode, "Training steps, or forwards in evaluation mode")
      ->check(CLI::IsMember({"train", "infer"}))
      ->capture_default_str();
  app.add_option("--batch", options.batch, "Images a step (default: what the network has here)")
      ->check(CLI::Range(1, 4096));
  app.add_option("--size", options.size, "Height and width of the images (default: the same)")
      ->check(CLI::Range(16, 8192));
  add_device_options(app, options.device, true);
  app.add_option("--rounds", options.rounds, "Steps that count, after two that do not")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag(
      "--checkpoint-activations", options.checkpoint_activations,
      "Keep only the inputs of each stage for the backward, which computes the rest again");
  app.add_option_function<std::string>(
         "--cuda-graph",
         [&options](const std::string& value) { options.cuda_graph = value == "on"; },
         "Whether cuda is asked for each training step as one CUDA graph: on (default) or off")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_flag("--json", options.json, "Print one JSON object");
  app.add_flag("--turns", options.turns,
               "Step whenever a number of seconds is read from stdin, for at least that long");
  return run_program(app, argc, argv, [&] { return run(options); });
}

}  // namespace
}  // namespace pixelgrad::bench

int main(int argc, char** argv) { return pixelgrad::bench::run_main(argc, argv); }
