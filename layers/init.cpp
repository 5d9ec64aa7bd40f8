#include "layers/init.h"

#include <algorithm>
#include <cmath>

#include "tensor/dispatch.h"

namespace pixelgrad {
namespace {

thread_local RandomKey init_key{.seed = 0, .stream = stream_of("init"), .step = 0};

void fill_uniform_with_variance(Tensor& x, double variance) {
  const double bound = std::sqrt(3 * variance);
  fill_uniform(x, InitScope::next_key(), -bound, bound);
}

void fill_normal_with_variance(Tensor& x, double variance) {
  fill_normal(x, InitScope::next_key(), 0, std::sqrt(variance));
}

/// Values beyond two standard deviations are drawn again.
void fill_truncated_normal_with_variance(Tensor& x, double variance) {
  constexpr double deviation_when_cut = 0.87962566103423978;  // of N(0, 1) within [-2, 2]
  const double deviation = std::sqrt(variance) / deviation_when_cut;
  fill_normal(x, InitScope::next_key(), 0, deviation);
  dispatch(x, [&]<Device, class T>() {
    T* values = x.mutable_data<T>();
    const auto beyond = [&](T v) { return std::abs(v) > static_cast<T>(2 * deviation); };
    while (std::any_of(values, values + x.numel(), beyond)) {
      Tensor again = Tensor::empty(x.shape(), x.dtype());
      fill_normal(again, InitScope::next_key(), 0, deviation);
      const T* draws = again.data<T>();
      for (int64_t i = 0; i < x.numel(); ++i)
        if (beyond(values[i])) values[i] = draws[i];
    }
  });
}

}  // namespace

InitScope::InitScope(uint64_t seed) : previous_(init_key) {
  init_key.seed = seed;
  init_key.step = 0;
}
InitScope::~InitScope() { init_key = previous_; }

RandomKey InitScope::next_key() {
  RandomKey key = init_key;
  ++init_key.step;
  return key;
}

Fans fans_of(const Shape& weight) {
  if (weight.size() == 2) return {.in = weight[1], .out = weight[0]};
  check(weight.size() == 4, "[init] weight is ", weight,
        ", expected [Cout,Kh,Kw,Cin/groups] or [out,in]");
  const int64_t taps = weight[1] * weight[2];
  return {.in = taps * weight[3], .out = taps * weight[0]};
}

void initialize_weight(Tensor& weight, Init init) {
  const Fans fans = fans_of(weight.shape());
  const auto in = static_cast<double>(fans.in), out = static_cast<double>(fans.out);
  switch (init) {
    case Init::pytorch_default:
      return fill_uniform_with_variance(weight, 1 / (3 * in));
    case Init::he_normal:
      return fill_normal_with_variance(weight, 2 / in);
    case Init::he_normal_fan_out:
      return fill_normal_with_variance(weight, 2 / out);
    case Init::he_uniform:
      return fill_uniform_with_variance(weight, 2 / in);
    case Init::glorot_normal:
      return fill_normal_with_variance(weight, 2 / (in + out));
    case Init::glorot_uniform:
      return fill_uniform_with_variance(weight, 2 / (in + out));
    case Init::he_normal_truncated:
      return fill_truncated_normal_with_variance(weight, 2 / in);
  }
}

void initialize_bias(Tensor& bias, const Shape& weight, Init init) {
  if (init == Init::pytorch_default)
    fill_uniform_with_variance(bias, 1 / (3 * static_cast<double>(fans_of(weight).in)));
  else
    bias.fill(0);
}

}  // namespace pixelgrad
