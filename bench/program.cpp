#include "bench/program.h"

#include <cstdio>
#include <exception>

#include "tensor/check.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/parallel.h"
#ifdef PIXELGRAD_CUDA
#include "tensor/cuda/conv2d_choice.h"
#endif

namespace pixelgrad::bench {

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  app.add_option_function<int>(
         "--threads", [](int threads) { set_num_threads(threads); },
         "Threads to compute with (default: the processors there are)")
      ->check(CLI::Range(1, 1024));
  app.add_option_function<std::string>(
         "--conv-algo",
         [](const std::string& name) {
           kernels::set_conv_algorithm(kernels::conv_algorithms().at(name));
         },
         "3x3 convolutions: direct, winograd, or auto (default), which of them is faster")
      ->check(CLI::IsMember(kernels::conv_algorithms()));
  const auto fail = [&](int code, const char* message) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), message);
    return code;
  };
  try {
    app.parse(argc, argv);
    return body();
  } catch (const CLI::Success& e) {  // --help
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return fail(2, str(e.what(), " (--help lists the options)").c_str());
  } catch (const UsageError& e) {
    return fail(2, e.what());
  } catch (const std::exception& e) {
    return fail(1, e.what());
  }
}

void add_device_options(CLI::App& app, Device& device, bool times_networks) {
  app.add_option_function<std::string>(
         "--device",
         [&device](const std::string& name) {
           device = name == "cuda" ? Device::cuda : Device::cpu;
         },
         "cpu (default) or cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option_function<std::string>(
         "--precision",
         [](const std::string& name) { kernels::set_precision(kernels::precisions().at(name)); },
         "f32 (default); tf32 or bf16, to which convolutions on cuda round their multiplicands; in "
         "bf16 networks store their activations, too")
      ->check(CLI::IsMember(kernels::precisions()));
#ifdef PIXELGRAD_CUDA
  app.add_option_function<std::string>(
         "--one-tap",
         [](const std::string& name) {
           cuda::set_one_tap_algorithm(cuda::one_tap_algorithms().at(name));
         },
         "1x1 convolutions on cuda: implicit, gemm, or auto (default), what is thought faster")
      ->check(CLI::IsMember(cuda::one_tap_algorithms()));
#endif
  app.parse_complete_callback([&device, times_networks] {
    const kernels::Precision p = kernels::precision();
    const bool on_cpu =
        p == kernels::Precision::f32 || (p == kernels::Precision::bf16 && times_networks);
    check<UsageError>(device == Device::cuda || on_cpu,
                      "--precision needs --device cuda, got --device cpu");
  });
}

}  // namespace pixelgrad::bench
