// pixelgrad: train, evaluate and use segmentation networks from the command line.
//
// Results go to stdout, progress and errors to stderr. Exit codes: 0 ok, 1 the run failed, 2 usage,
// 3 a check failed, 4 bad data, 5 bad checkpoint, 130 and 143 after SIGINT and SIGTERM.

#include <cstdio>
#include <exception>
#include <new>

#include "apps/commands/commands.h"
#include "apps/engine/config_file.h"
#include "apps/engine/precision.h"
#include "apps/engine/signals.h"
#include "apps/engine/version.h"
#include "tensor/check.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/parallel.h"

namespace pixelgrad {
namespace {

enum ExitCode {
  ok = 0,
  run_failed = 1,
  usage = 2,
  check_failed = 3,
  bad_data = 4,
  bad_checkpoint = 5
};

int fail(ExitCode code, const char* message) {
  std::fprintf(stderr, "pixelgrad: %s\n", message);
  return code;
}

int run(int argc, char** argv) {
  CommonFlags common;
  CLI::App app("Semantic segmentation from scratch: train, evaluate and use networks.",
               "pixelgrad");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_flag("-q,--quiet", common.quiet, "Say nothing but results and errors");
  app.add_flag("--json", common.json, "Print the result as one JSON object on stdout");
  app.add_option("--threads", common.threads,
                 "Threads to compute with (default: the processors there are)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--conv-algo", common.conv_algo,
                 "3x3 convolutions: direct, winograd, or auto, which of them is faster")
      ->check(CLI::IsMember(kernels::conv_algorithms()))
      ->capture_default_str();
  std::string device = "cpu";
  app.add_option("--device", device,
                 "Where train, compare, evaluate, predict and gradcheck compute: cpu or cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_option(
         "--precision", common.precision,
         "f32; bf16, which stores activations in half of the bytes (on processors that have "
         "instructions for it); or on cuda tf32, to which convolutions round what they "
         "multiply")
      ->check(CLI::IsMember(kernels::precisions()))
      ->capture_default_str();
  app.parse_complete_callback([&] {
    choose_precision(common.precision, device == "cuda" ? Device::cuda : Device::cpu);
    check(device == "cpu" || has_cuda,
          "[--device] cuda: this build has no CUDA backend; it takes cmake -DPIXELGRAD_CUDA=ON");
    common.device = device == "cuda" ? Device::cuda : Device::cpu;
    if (common.threads > 0) set_num_threads(common.threads);
    kernels::set_conv_algorithm(kernels::conv_algorithms().at(common.conv_algo));
  });

  add_train_command(app, common);
  add_compare_command(app, common);
  add_evaluate_command(app, common);
  add_predict_command(app, common);
  add_data_command(app, common);
  add_summary_command(app, common);
  add_receptive_field_command(app, common);
  add_classify_command(app, common);
  add_weights_command(app, common);
  add_gradcheck_command(app, common);
  add_doctor_command(app, common);

  try {
    std::vector<std::string> args = expand_config_files({argv + 1, argv + argc});
    std::reverse(args.begin(), args.end());  // the order that CLI11 takes them in
    app.parse(args);
    return ok;
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return fail(
        usage,
        str(e.what(), " (pixelgrad --help lists commands, pixelgrad COMMAND --help their options)")
            .c_str());
  } catch (const UsageError& e) {
    return fail(usage, e.what());
  } catch (const DataError& e) {
    return fail(bad_data, e.what());
  } catch (const CheckpointError& e) {
    return fail(bad_checkpoint, e.what());
  } catch (const CheckFailed&) {
    return check_failed;
  } catch (const Interrupted& e) {
    return 128 + e.signal;
  } catch (const std::bad_alloc&) {
    return fail(run_failed, "out of memory");
  } catch (const std::exception& e) {
    return fail(run_failed, e.what());
  }
}

}  // namespace
}  // namespace pixelgrad

int main(int argc, char** argv) { return pixelgrad::run(argc, argv); }
