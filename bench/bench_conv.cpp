// Speed of the convolution: forward, input gradient and weight gradient, f32.
//
//   build/release/bench/bench_conv                                  all shapes
//   build/release/bench/bench_conv --benchmark_filter='3x3 64->64'  some of them
//   PIXELGRAD_NUM_THREADS=1 build/release/bench/bench_conv          on one thread, in CPU time
//
// Two counters count: GFLOP/s of the fastest iteration, where only taps inside the image are
// counted, and its share of the machine's FMA peak, measured right before and after with as many
// threads. A share above 102 % means that the machine was disturbed while the peak was taken: run
// again. The time that Google Benchmark prints is the mean.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "bench/peak.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pixelgrad {
namespace {

enum class Direction { forward, input_gradient, weight_gradient };
constexpr std::pair<Direction, const char*> directions[] = {
    {Direction::forward, "forward"},
    {Direction::input_gradient, "input_gradient"},
    {Direction::weight_gradient, "weight_gradient"},
};

struct Case {
  const char* name;
  int64_t batch, size, in_channels, out_channels, kernel;
  int64_t stride = 1, dilation = 1, groups = 1;
};

kernels::Conv2dGeometry geometry(const Case& c) {
  const int64_t pad = c.stride == c.kernel ? 0 : c.dilation * (c.kernel - 1) / 2;
  const int64_t out = (c.size + 2 * pad - c.dilation * (c.kernel - 1) - 1) / c.stride + 1;
  return {.n = c.batch,
          .in_h = c.size,
          .in_w = c.size,
          .in_channels = c.in_channels,
          .out_h = out,
          .out_w = out,
          .out_channels = c.out_channels,
          .kernel_h = c.kernel,
          .kernel_w = c.kernel,
          .stride_h = c.stride,
          .stride_w = c.stride,
          .pad_top = pad,
          .pad_left = pad,
          .dilation_h = c.dilation,
          .dilation_w = c.dilation,
          .groups = c.groups};
}

/// Pairs of an output row and a tap of the kernel that read inside the image.
int64_t taps_inside(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                    int64_t dilation) {
  int64_t count = 0;
  for (int64_t o = 0; o < out; ++o)
    for (int64_t r = 0; r < kernel; ++r) {
      const int64_t i = o * stride - pad + r * dilation;
      count += i >= 0 && i < in;
    }
  return count;
}

double flops(const kernels::Conv2dGeometry& g) {
  const int64_t rows =
      taps_inside(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.pad_top, g.dilation_h);
  const int64_t cols =
      taps_inside(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.pad_left, g.dilation_w);
  return 2.0 * static_cast<double>(g.n * rows * cols) *
         static_cast<double>(g.out_channels * (g.in_channels / g.groups));
}

Tensor normal(Shape shape, uint64_t seed) {
  Tensor x = Tensor::empty(std::move(shape), Dtype::f32);
  fill_normal(x, {.seed = seed}, 0, 1);
  return x;
}

void run(benchmark::State& state, const Case& c, Direction direction) {
  const kernels::Conv2dGeometry g = geometry(c);
  Tensor x = normal({g.n, g.in_h, g.in_w, g.in_channels}, 1);
  Tensor y = normal({g.n, g.out_h, g.out_w, g.out_channels}, 2);
  Tensor w = normal({g.out_channels, g.kernel_h, g.kernel_w, g.in_channels / g.groups}, 3);
  float *px = x.mutable_data<float>(), *py = y.mutable_data<float>(), *pw = w.mutable_data<float>();
  const auto once = [&] {
    switch (direction) {
      case Direction::forward:
        return kernels::conv2d_forward<Device::cpu, float>(g, px, pw, nullptr, py);
      case Direction::input_gradient:
        return kernels::conv2d_backward_input<Device::cpu, float>(g, py, pw, nullptr, px);
      case Direction::weight_gradient:
        return kernels::conv2d_backward_weight<Device::cpu, float>(g, px, py, pw);
    }
  };
  once();  // allocates
  double peak = bench::fma_peak(), best = std::numeric_limits<double>::infinity();
  for (auto _ : state) {
    const double start = bench::seconds();
    once();
    const double time = bench::seconds() - start;
    state.SetIterationTime(time);
    best = std::min(best, time);
  }
  peak = std::max(peak, bench::fma_peak());
  const double rate = flops(g) / best * 1e-9;
  state.counters["GFLOP/s"] = rate;
  state.counters["peak%"] = 100 * rate / peak;
  state.counters["best_ms"] = 1e3 * best;
}

// The second half is a U-Net of width 16 at batch 4: encoder, decoder, up-convolutions, head.
const std::vector<Case> cases = {
    {.name = "3x3", .batch = 4, .size = 64, .in_channels = 64, .out_channels = 64, .kernel = 3},
    {.name = "3x3", .batch = 4, .size = 256, .in_channels = 16, .out_channels = 16, .kernel = 3},
    {.name = "3x3 stride 2",
     .batch = 4,
     .size = 64,
     .in_channels = 64,
     .out_channels = 128,
     .kernel = 3,
     .stride = 2},
    {.name = "3x3 dilation 12",
     .batch = 2,
     .size = 64,
     .in_channels = 256,
     .out_channels = 64,
     .kernel = 3,
     .dilation = 12},
    {.name = "3x3 depthwise",
     .batch = 4,
     .size = 64,
     .in_channels = 64,
     .out_channels = 64,
     .kernel = 3,
     .groups = 64},
    {.name = "1x1", .batch = 4, .size = 64, .in_channels = 256, .out_channels = 64, .kernel = 1},
    {.name = "3x3", .batch = 1, .size = 16, .in_channels = 512, .out_channels = 512, .kernel = 3},
    {.name = "3x3", .batch = 4, .size = 4, .in_channels = 512, .out_channels = 512, .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 256,
     .in_channels = 3,
     .out_channels = 16,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 128,
     .in_channels = 16,
     .out_channels = 32,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 128,
     .in_channels = 32,
     .out_channels = 32,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 64,
     .in_channels = 32,
     .out_channels = 64,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 32,
     .in_channels = 64,
     .out_channels = 128,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 32,
     .in_channels = 128,
     .out_channels = 128,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 16,
     .in_channels = 128,
     .out_channels = 256,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 16,
     .in_channels = 256,
     .out_channels = 256,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 32,
     .in_channels = 256,
     .out_channels = 128,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 64,
     .in_channels = 128,
     .out_channels = 64,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 128,
     .in_channels = 64,
     .out_channels = 32,
     .kernel = 3},
    {.name = "U-Net 3x3",
     .batch = 4,
     .size = 256,
     .in_channels = 32,
     .out_channels = 16,
     .kernel = 3},
    // An up-convolution is the input gradient of this convolution; its own input gradient is the
    // forward.
    {.name = "U-Net 2x2 stride 2 transposed",
     .batch = 4,
     .size = 32,
     .in_channels = 128,
     .out_channels = 256,
     .kernel = 2,
     .stride = 2},
    {.name = "U-Net 2x2 stride 2 transposed",
     .batch = 4,
     .size = 64,
     .in_channels = 64,
     .out_channels = 128,
     .kernel = 2,
     .stride = 2},
    {.name = "U-Net 2x2 stride 2 transposed",
     .batch = 4,
     .size = 128,
     .in_channels = 32,
     .out_channels = 64,
     .kernel = 2,
     .stride = 2},
    {.name = "U-Net 2x2 stride 2 transposed",
     .batch = 4,
     .size = 256,
     .in_channels = 16,
     .out_channels = 32,
     .kernel = 2,
     .stride = 2},
    {.name = "U-Net 1x1",
     .batch = 4,
     .size = 256,
     .in_channels = 16,
     .out_channels = 2,
     .kernel = 1},
};

}  // namespace
}  // namespace pixelgrad

int main(int argc, char** argv) {
  using namespace pixelgrad;
  for (const Case& c : cases)
    for (const auto& [direction, name] : directions)
      benchmark::RegisterBenchmark(
          str(c.name, " ", c.in_channels, "->", c.out_channels, " at ", c.batch, "x", c.size, "x",
              c.size, "/", name)
              .c_str(),
          [&c, direction = direction](benchmark::State& state) { run(state, c, direction); })
          ->UseManualTime()
          ->MinTime(0.1)
          ->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
