#include "tensor/cuda/conv2d_choice.h"

#include <algorithm>
#include <atomic>

namespace pixelgrad::cuda {
namespace {

std::atomic<OneTapAlgorithm> chosen = OneTapAlgorithm::automatic;

bool is_product(const kernels::Conv2dGeometry& g) {
  return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 &&
         g.pad_top == 0 && g.pad_left == 0 && g.out_h == g.in_h && g.out_w == g.in_w &&
         g.groups == 1 && g.n * g.in_h * g.in_w * g.in_channels * g.out_channels > 0;
}

/// From which sizes on cuBLAS is taken. Small products are left to tiles of our own, which cost one
/// launch and add the bias. Set by thought; `bench_conv --device cuda --one-tap` is for measuring.
struct Least {
  ConvDirection direction;
  int64_t channels;  ///< of the input and of the output
  int64_t pixels;
};
constexpr Least least[] = {
    {ConvDirection::forward, 64, 1024},
    {ConvDirection::input_gradient, 64, 1024},
    {ConvDirection::weight_gradient, 64, 1024},
};

bool is_large(ConvDirection direction, const kernels::Conv2dGeometry& g) {
  return std::any_of(std::begin(least), std::end(least), [&](const Least& row) {
    return row.direction == direction && std::min(g.in_channels, g.out_channels) >= row.channels &&
           g.n * g.out_h * g.out_w >= row.pixels;
  });
}

}  // namespace

const std::map<std::string, OneTapAlgorithm>& one_tap_algorithms() {
  static const std::map<std::string, OneTapAlgorithm> all = {
      {"auto", OneTapAlgorithm::automatic},
      {"implicit", OneTapAlgorithm::implicit},
      {"gemm", OneTapAlgorithm::gemm},
  };
  return all;
}

void set_one_tap_algorithm(OneTapAlgorithm algorithm) { chosen = algorithm; }

bool by_gemm(ConvDirection direction, const kernels::Conv2dGeometry& g,
             kernels::Precision rounded) {
  if (rounded == kernels::Precision::bf16 || !is_product(g)) return false;
  const OneTapAlgorithm algorithm = chosen;
  return algorithm == OneTapAlgorithm::automatic ? is_large(direction, g)
                                                 : algorithm == OneTapAlgorithm::gemm;
}

}  // namespace pixelgrad::cuda
