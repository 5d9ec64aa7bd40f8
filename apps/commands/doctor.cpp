#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/engine/version.h"
#include "autograd/op_cases.h"
#include "autograd/ops/conv2d.h"
#include "tensor/allocator.h"
#include "tensor/kernels/target.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

/// GFLOP/s of a 3x3 convolution of 64 to 64 channels at 4x64x64, the best of a few runs.
double convolution_speed() {
  Tensor x = Tensor::empty({4, 64, 64, 64}, Dtype::f32),
         w = Tensor::empty({64, 3, 3, 64}, Dtype::f32);
  fill_normal(x, {.seed = 1}, 0, 1);
  fill_normal(w, {.seed = 2}, 0, 1);
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    conv2d(x, w, {}, {.padding = 1});
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * 4 * 64 * 64 * 64 * 64 * 9 / best / 1e9;
}

bool same_bits_on_one_thread() {
  Tensor x = Tensor::empty({2, 33, 37, 24}, Dtype::f32),
         w = Tensor::empty({40, 3, 3, 24}, Dtype::f32);
  fill_normal(x, {.seed = 3}, 0, 1);
  fill_normal(w, {.seed = 4}, 0, 1);
  const int threads = num_threads();
  const Tensor many = conv2d(x, w, {}, {.padding = 1});
  set_num_threads(1);
  const Tensor one = conv2d(x, w, {}, {.padding = 1});
  set_num_threads(threads);
  return std::equal(many.raw(), many.raw() + many.bytes(), one.raw());
}

std::string huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  if (!std::getline(file, line)) return "unknown";
  const size_t open = line.find('['), close = line.find(']');
  return open == std::string::npos || close == std::string::npos
             ? line
             : line.substr(open + 1, close - open - 1);
}

}  // namespace

void add_doctor_command(CLI::App& app, const CommonFlags& common) {
  CLI::App* cmd =
      app.add_subcommand("doctor", "Say what this build and machine can do, and try the basics");
  cmd->callback([&common] {
    const double gflops = convolution_speed();
    const bool gradients = run_gradcheck_cases(op_cases(), {.name = "conv2d"}).passed;
    const bool bits = same_bits_on_one_thread();
    const std::string pages = huge_pages();
    const bool sound = gradients && bits;
    if (common.json) {
      const nlohmann::ordered_json out{{"version", version_text()},
                                       {"simd", kernels::simd_target()},
                                       {"threads", num_threads()},
                                       {"processors", std::thread::hardware_concurrency()},
                                       {"cuda", has_cuda},
                                       {"huge_pages", pages},
                                       {"conv_gflops", gflops},
                                       {"conv_gradients", gradients},
                                       {"same_bits_on_one_thread", bits},
                                       {"passed", sound}};
      std::printf("%s\n", out.dump().c_str());
    } else {
      std::printf("%s\n", version_text().c_str());
      std::printf("processors     %u, using %d threads, %s\n", std::thread::hardware_concurrency(),
                  num_threads(), kernels::simd_target());
      std::printf("huge pages     %s%s\n", pages.c_str(),
                  pages == "never" ? " (large convolutions will be slower)" : "");
      std::printf("convolution    %.0f GFLOP/s (3x3, 64 to 64 channels, 4x64x64)\n", gflops);
      std::printf("gradients      conv2d %s\n",
                  gradients ? "agrees with differences" : "DISAGREES with differences");
      std::printf("threads        %s\n", bits ? "same bits on one thread and on all"
                                              : "DIFFERENT bits on one thread and on all");
    }
    if (!sound) throw CheckFailed{};
  });
}

}  // namespace pixelgrad
