#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/engine/gradcheck_page.h"
#include "data/file_io.h"
#include "layers/layer_cases.h"
#include "models/model_cases.h"
#include "tensor/mutant.h"

namespace pixelgrad {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  bool all = false;
  std::string op, layer, model, sample;
  std::string dtype = "f64";
  uint64_t seed = 0;
  int64_t elements = 5;
  double step = 0, tolerance = 0;
  std::string html, inject;
};

/// What is to be checked, and the request for it. Ops come with layers under --all.
struct Plan {
  std::vector<const std::vector<OpCase>*> tables;
  GradcheckRequest request;
};

Plan make_plan(const Flags& flags, Device device) {
  const int chosen = flags.all + !flags.op.empty() + !flags.layer.empty() + !flags.model.empty();
  check<UsageError>(chosen == 1, "[gradcheck] got ", chosen,
                    " of --all, --op NAME, --layer NAME and --model NAME, expected one");
  check<UsageError>(flags.sample.empty() || !flags.all,
                    "[gradcheck] --sample needs --op, --layer or --model");
  const bool single = flags.dtype == "f32";
  check<UsageError>(!single || !flags.op.empty(),
                    "[gradcheck] --dtype f32 needs --op: layers and models are checked in f64");
  Plan plan;
  plan.request.sample = flags.sample;
  plan.request.dtype = single ? Dtype::f32 : Dtype::f64;
  plan.request.device = device;
  if (flags.all) {
    plan.tables = {&op_cases(), &layer_cases()};
  } else if (!flags.op.empty()) {
    plan.tables = {&op_cases()};
    plan.request.name = flags.op;
  } else if (!flags.layer.empty()) {
    plan.tables = {&layer_cases()};
    plan.request.name = flags.layer;
  } else {
    plan.tables = {&model_cases()};
    plan.request.name = flags.model;
    plan.request.options = model_check_options();
  }
  if (flags.step > 0) plan.request.options.step = flags.step;
  if (flags.tolerance > 0) plan.request.options.tolerance = flags.tolerance;
  plan.request.options.seed = flags.seed;
  return plan;
}

/// The command that checks one sample again.
std::string reproducer(const Flags& flags, const std::string& kind, const OpCheck& op,
                       const SampleCheck& sample) {
  std::string line = str("pixelgrad gradcheck --", kind, " ", op.name, " --sample '", sample.name,
                         "' --seed ", flags.seed, " --dtype ", flags.dtype);
  if (!flags.inject.empty()) line += " --inject " + flags.inject;
  return line;
}

Json to_json(const GradcheckElement& e, const Shape& shape) {
  Json out{{"index", e.index},       {"position", element_position(shape, e.index)},
           {"analytic", e.analytic}, {"numeric", e.numeric},
           {"step", e.step},         {"kink", e.kink}};
  if (e.kink) out.update({{"left", e.left}, {"right", e.right}, {"excluded", e.excluded}});
  return out;
}

Json to_json(const GradcheckInput& input, int64_t elements) {
  Json worst = Json::array();
  for (const GradcheckElement& e : input.elements) {
    if (static_cast<int64_t>(worst.size()) >= elements) break;
    worst.push_back(to_json(e, input.shape));
  }
  return {{"name", input.name},
          {"shape", input.shape},
          {"passed", input.passed},
          {"checked", input.elements.size()},
          {"max_gradient", input.max_gradient},
          {"scaled_error", input.scaled_error},
          {"worst", worst}};
}

Json to_json(const OpCheck& op, const std::string& kind, const Flags& flags) {
  Json out{{"name", op.name},         {"kind", kind},
           {"passed", op.passed},     {"worst_scaled_error", op.worst_scaled_error},
           {"elements", op.elements}, {"kinks", op.kinks},
           {"seconds", op.seconds}};
  // One op in full; of many only what failed.
  Json samples = Json::array();
  for (const SampleCheck& sample : op.samples) {
    if (flags.all && sample.report.passed) continue;
    Json inputs = Json::array();
    for (const GradcheckInput& input : sample.report.inputs)
      inputs.push_back(to_json(input, flags.elements));
    samples.push_back({{"name", sample.name},
                       {"passed", sample.report.passed},
                       {"problem", sample.report.problem},
                       {"tolerance", sample.report.tolerance},
                       {"inputs", inputs},
                       {"reproduce", reproducer(flags, kind, op, sample)}});
  }
  if (!samples.empty()) out["samples"] = samples;
  return out;
}

void print_heading() {
  std::printf("%-6s %-22s %8s %9s %6s %12s %8s\n", "", "name", "samples", "elements", "kinks",
              "worst error", "seconds");
}

void print_op(const OpCheck& op, const std::string& kind, const Flags& flags) {
  const double tolerance = op.samples.empty() ? 0 : op.samples[0].report.tolerance;
  std::printf("%-6s %-22s %8zu %9ld %6ld %12s %8.2f  %s\n", kind.c_str(), op.name.c_str(),
              op.samples.size(), static_cast<long>(op.elements), static_cast<long>(op.kinks),
              error_text(op.worst_scaled_error, tolerance).c_str(), op.seconds,
              op.passed ? "ok" : "FAILED");
  for (const SampleCheck& sample : op.samples)
    if (!sample.report.passed || !flags.all)
      std::printf("\n%s, %s\n%s%s", op.name.c_str(), sample.name.c_str(),
                  sample.report.to_table(flags.elements).c_str(),
                  sample.report.passed
                      ? ""
                      : str("again: ", reproducer(flags, kind, op, sample), "\n").c_str());
  std::fflush(stdout);
}

void run(const Flags& flags, const CommonFlags& common) {
  const Plan plan = make_plan(flags, common.device);
  activate_mutant(flags.inject);
  GradcheckSummary total;
  total.passed = true;
  Json ops = Json::array();
  int printed = 0;
  for (const auto* table : plan.tables) {
    const std::string kind = table == &op_cases()      ? "op"
                             : table == &layer_cases() ? "layer"
                                                       : "model";
    GradcheckSummary some = run_gradcheck_cases(*table, plan.request, [&](const OpCheck& op) {
      if (common.json) {
        ops.push_back(to_json(op, kind, flags));
        return;
      }
      if (printed++ == 0) print_heading();
      print_op(op, kind, flags);
    });
    total.passed = total.passed && some.passed;
    total.seconds += some.seconds;
    std::move(some.ops.begin(), some.ops.end(), std::back_inserter(total.ops));
  }
  if (!flags.html.empty()) write_file(flags.html, gradcheck_page(total));
  if (common.json)
    std::printf(
        "%s\n",
        Json{{"ops", ops}, {"passed", total.passed}, {"seconds", total.seconds}}.dump().c_str());
  else
    std::printf("%zu checked in %.1f s: %s\n", total.ops.size(), total.seconds,
                total.passed ? "all passed" : "FAILED");
  if (!total.passed) throw CheckFailed{};
}

}  // namespace

void add_gradcheck_command(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = app.add_subcommand(
      "gradcheck",
      "Compare the gradients of ops, layers and models with differences of their values");
  cmd->add_flag("--all", flags->all, "Every op, loss and layer of the library");
  cmd->add_option("--op", flags->op, "Only this op or loss");
  cmd->add_option("--layer", flags->layer, "Only this layer: its input and its parameters");
  cmd->add_option("--model", flags->model,
                  "A small model of this kind: all its parameters, steps of 1e-5, tolerance 1e-6");
  cmd->add_option("--sample", flags->sample, "Only this sample of it");
  cmd->add_option("--dtype", flags->dtype,
                  "What backward runs in; f32 is held against differences in f64")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  cmd->add_option("--seed", flags->seed, "Of the inputs, the cotangent and the elements chosen")
      ->capture_default_str();
  cmd->add_option("--step", flags->step, "h of the differences (default: 2^-10; models 1e-5)")
      ->check(CLI::PositiveNumber);
  cmd->add_option("--tolerance", flags->tolerance,
                  "On the scaled error (default: 1e-8 in f64, 1e-4 in f32; models 1e-6)")
      ->check(CLI::PositiveNumber);
  cmd->add_option("--elements", flags->elements, "How many of the worst elements to show")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  cmd->add_option("--html", flags->html, "Write a page with a heat map of each tensor's errors");
  cmd->add_option("--inject", flags->inject,
                  "Put a bug of the catalogue in, to see what a wrong backward looks like (needs a "
                  "build of the preset 'mutants')");
  cmd->callback([flags, &common] { run(*flags, common); });
}

}  // namespace pixelgrad
