#include "tensor/kernels/conv2d.h"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "tensor/cpu/conv2d_bf16.h"
#include "tensor/cpu/conv2d_few_outputs.h"
#include "tensor/cpu/conv2d_few_pixels.h"
#include "tensor/cpu/conv2d_taps.h"
#include "tensor/cpu/conv2d_winograd.h"
#include "tensor/mutant_internal.h"

// The convolution on a CPU. The work is done elsewhere: conv2d_tap_kernel.cpp (forward and input
// gradient), conv2d_weight_gradient.cpp, conv2d_few_outputs.cpp, conv2d_few_pixels.cpp,
// conv2d_winograd*.cpp, conv2d_depthwise.cpp, conv2d_bias.cpp and conv2d_bf16.cpp. Here it is cut
// into groups and the algorithm is chosen.
namespace pixelgrad::kernels {
namespace {

std::atomic<ConvAlgorithm> chosen{ConvAlgorithm::automatic};
std::atomic<Precision> chosen_precision{Precision::f32};  // for other devices

bool is_depthwise(const Conv2dGeometry& g) {
  return g.groups > 1 && g.in_channels == g.groups && g.out_channels == g.groups;
}

int64_t group_weights(const Conv2dGeometry& g) {
  return g.out_channels / g.groups * g.kernel_h * g.kernel_w * g.weight_row();
}

/// Whether a 3x3 convolution of stride 1 is left to Winograd.
template <class T>
bool by_winograd(int64_t pixels, int64_t in, int64_t out) {
  switch (chosen) {
    case ConvAlgorithm::direct:
      return false;
    case ConvAlgorithm::winograd:
      return true;
    case ConvAlgorithm::automatic:
      break;
  }
  // With fewer channels the transforms cost more than they save, and with few pixels so do the
  // weights'.
  return std::is_same_v<T, float> && in >= 32 && out >= 32 && pixels >= 512;
}

/// Forward and input gradient of one group.
template <class T>
void run(std::span<const cpu::TapConvolution> convolutions, std::span<const T* const> x,
         const T* weight, const T* bias, T* y) {
  if (convolutions.size() == 1) {
    const cpu::TapConvolution& c = convolutions[0];
    if (cpu::has_few_pixels(c)) return cpu::run_few_pixels<T>(c, x[0], weight, bias, y);
    const auto square = cpu::winograd_taps(c);
    if (square && by_winograd<T>(c.images * c.rows * c.cols, c.in_channels, c.out_channels))
      return cpu::run_winograd<T>(c, *square, x, weight, bias, y);
  }
  if (cpu::has_few_outputs(convolutions))
    return cpu::run_few_outputs<T>(convolutions, x[0], weight, bias, y);
  cpu::run_taps<T>(cpu::join_neighbours(convolutions), x, weight, bias, y);
}

}  // namespace

const std::map<std::string, ConvAlgorithm>& conv_algorithms() {
  static const std::map<std::string, ConvAlgorithm> algorithms{
      {"auto", ConvAlgorithm::automatic},
      {"direct", ConvAlgorithm::direct},
      {"winograd", ConvAlgorithm::winograd}};
  return algorithms;
}

void set_conv_algorithm(ConvAlgorithm algorithm) { chosen = algorithm; }
ConvAlgorithm conv_algorithm() { return chosen; }

const std::map<std::string, Precision>& precisions() {
  static const std::map<std::string, Precision> all{
      {"f32", Precision::f32}, {"tf32", Precision::tf32}, {"bf16", Precision::bf16}};
  return all;
}

void set_precision(Precision precision) { chosen_precision = precision; }
Precision precision() { return chosen_precision; }

template <Device D, class T>
void conv2d_forward(const Conv2dGeometry& g, std::span<const Conv2dInput<T>> inputs,
                    const compute_t<T>* weight, const compute_t<T>* bias, T* y) {
  cpu::TapConvolution taps = cpu::forward_taps(g);
  if (is_depthwise(g))
    return cpu::run_depthwise_taps<T>({&taps, 1}, group_weights(g), inputs[0].x, weight, bias, y);
  taps.sources.clear();
  for (const Conv2dInput<T>& input : inputs)
    taps.sources.push_back({input.channels / g.groups, input.channels});
  const int64_t out = g.out_channels / g.groups;
  std::vector<const T*> x(inputs.size());
  for (int64_t k = 0; k < g.groups; ++k) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = inputs[i].x + k * taps.sources[i].channels;
    run<T>({&taps, 1}, x, weight + k * group_weights(g), bias ? bias + k * out : nullptr,
           y + k * out);
  }
}

template <Device D, class T>
void conv2d_backward_input(const Conv2dGeometry& g, const T* dy, const compute_t<T>* weight,
                           const compute_t<T>* bias, T* dx) {
  const std::vector<cpu::TapConvolution> phases = cpu::input_gradient_taps(g);
  if (is_depthwise(g))
    return cpu::run_depthwise_taps<T>(phases, group_weights(g), dy, weight, bias, dx);
  const int64_t in = g.in_channels / g.groups, out = g.out_channels / g.groups;
  for (int64_t k = 0; k < g.groups; ++k) {
    const T* from = dy + k * out;
    run<T>(phases, {&from, 1},
           weight + PIXELGRAD_MUTANT(conv2d_input_gradient_groups_mixed_up, k, g.groups - 1 - k) *
                        group_weights(g),
           bias ? bias + k * in : nullptr, dx + k * in);
  }
}

template <Device D, class T>
void conv2d_backward_weight(const Conv2dGeometry& g, const T* x, const T* dy,
                            compute_t<T>* dweight) {
  if (is_depthwise(g)) return cpu::depthwise_weight_gradient(g, x, dy, dweight);
  const int64_t in = g.in_channels / g.groups, out = g.out_channels / g.groups;
  const cpu::TapConvolution taps = cpu::forward_taps(g);
  const bool few = g.kernel_h * g.kernel_w == 1 && cpu::has_few_pixels(taps);
  const bool winograd =
      cpu::winograd_taps(taps) && by_winograd<T>(g.n * g.out_h * g.out_w, in, out);
  for (int64_t k = 0; k < g.groups; ++k) {
    T* dw = dweight + k * group_weights(g);
    if (few)
      cpu::few_pixels_weight_gradient(g, x + k * in, dy + k * out, dw);
    else if (winograd)
      cpu::winograd_weight_gradient(g, x + k * in, dy + k * out, dw);
    else
      cpu::weight_gradient(g, x + k * in, dy + k * out, dw);
  }
}

template <>
void conv2d_forward<Device::cpu, bf16>(const Conv2dGeometry& g,
                                       std::span<const Conv2dInput<bf16>> inputs,
                                       const float* weight, const float* bias, bf16* y) {
  cpu::bf16_conv2d_forward(g, inputs, weight, bias, y);
}
template <>
void conv2d_backward_input<Device::cpu, bf16>(const Conv2dGeometry& g, const bf16* dy,
                                              const float* weight, const float* bias, bf16* dx) {
  cpu::bf16_conv2d_backward_input(g, dy, weight, bias, dx);
}
template <>
void conv2d_backward_weight<Device::cpu, bf16>(const Conv2dGeometry& g, const bf16* x,
                                               const bf16* dy, float* dweight) {
  cpu::bf16_conv2d_backward_weight(g, x, dy, dweight);
}

template void conv2d_forward<Device::cpu, float>(const Conv2dGeometry&,
                                                 std::span<const Conv2dInput<float>>, const float*,
                                                 const float*, float*);
template void conv2d_forward<Device::cpu, double>(const Conv2dGeometry&,
                                                  std::span<const Conv2dInput<double>>,
                                                  const double*, const double*, double*);
template void conv2d_backward_input<Device::cpu, float>(const Conv2dGeometry&, const float*,
                                                        const float*, const float*, float*);
template void conv2d_backward_input<Device::cpu, double>(const Conv2dGeometry&, const double*,
                                                         const double*, const double*, double*);
template void conv2d_backward_weight<Device::cpu, float>(const Conv2dGeometry&, const float*,
                                                         const float*, float*);
template void conv2d_backward_weight<Device::cpu, double>(const Conv2dGeometry&, const double*,
                                                          const double*, double*);

}  // namespace pixelgrad::kernels
