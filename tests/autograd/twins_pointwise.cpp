#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/op_cases/arguments.h"
#include "autograd/ops/activation.h"
#include "tests/autograd/twins.h"
#include "tests/reference/naive_broadcast.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Arrays = std::vector<Array>;

/// A function of one number.
template <class F>
Twin each(F f) {
  return [f](const Arrays& x, const std::any&) { return map(x[0], f); };
}

/// A function of one number and of what the sample holds beside it.
template <class Arguments, class F>
Twin each_with(F f) {
  return [f](const Arrays& x, const std::any& any) {
    const auto& arguments = std::any_cast<const Arguments&>(any);
    return map(x[0], [&](double v) { return f(v, arguments); });
  };
}

double gelu_by_definition(double x, GeluMode mode) {
  if (mode == GeluMode::exact) return x / 2 * std::erfc(-x / std::numbers::sqrt2);
  const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * std::pow(x, 3));
  return x / 2 * (1 + std::tanh(u));
}

double softplus_by_definition(double x, const SoftplusArguments& a) {
  return a.beta * x > a.threshold ? x : std::log1p(std::exp(a.beta * x)) / a.beta;
}

/// Philox as its paper gives it, written once more with 128-bit state in an array.
uint32_t dropout_bits(const RandomKey& key, uint64_t element) {
  const uint64_t k = key.seed * 0x9e3779b97f4a7c15ULL ^ key.stream, block = element / 4;
  uint32_t ks[2] = {static_cast<uint32_t>(k), static_cast<uint32_t>(k >> 32)};
  uint32_t x[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                   static_cast<uint32_t>(key.step), static_cast<uint32_t>(key.step >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = 0xD2511F53ULL * x[0], b = 0xCD9E8D57ULL * x[2];
    const uint32_t next[4] = {
        static_cast<uint32_t>(b >> 32) ^ x[1] ^ ks[0], static_cast<uint32_t>(b),
        static_cast<uint32_t>(a >> 32) ^ x[3] ^ ks[1], static_cast<uint32_t>(a)};
    std::copy(next, next + 4, x);
    ks[0] += 0x9E3779B9u;
    ks[1] += 0xBB67AE85u;
  }
  return x[element % 4];
}

double dropped(double x, uint64_t draw, const DropoutArguments& a) {
  return dropout_bits(a.key, draw) < a.p * 0x1p32 ? 0 : x / (1 - a.p);
}

Array dropout_twin(const Arrays& x, const std::any& any) {
  const auto& arguments = std::any_cast<const DropoutArguments&>(any);
  Array y(x[0].shape);
  for (size_t i = 0; i < y.values.size(); ++i) y.values[i] = dropped(x[0].values[i], i, arguments);
  return y;
}

Array dropout2d_twin(const Arrays& x, const std::any& any) {
  const auto& arguments = std::any_cast<const DropoutArguments&>(any);
  const Array& in = x[0];
  Array y(in.shape);
  for (int64_t n = 0; n < in.size(0); ++n)
    for (int64_t h = 0; h < in.size(1); ++h)
      for (int64_t w = 0; w < in.size(2); ++w)
        for (int64_t c = 0; c < in.size(3); ++c)
          y.at(n, h, w, c) =
              dropped(in.at(n, h, w, c), static_cast<uint64_t>(n * in.size(3) + c), arguments);
  return y;
}

Array where_twin(const Arrays& x, const std::any& any) {
  const auto& arguments = std::any_cast<const WhereArguments&>(any);
  Array condition(arguments.shape);
  std::copy(arguments.condition.begin(), arguments.condition.end(), condition.values.begin());
  Array y(naive::broadcast(condition.shape, naive::broadcast(x[0].shape, x[1].shape)));
  for (size_t i = 0; i < y.values.size(); ++i) {
    const auto index = naive::unravel(static_cast<int64_t>(i), y.shape);
    y.values[i] = naive::at_broadcast(x[naive::at_broadcast(condition, index) != 0 ? 0 : 1], index);
  }
  return y;
}

}  // namespace

Twins pointwise_twins() {
  return {
      {"relu", each([](double x) { return std::max(x, 0.0); })},
      {"leaky_relu",
       each_with<double>([](double x, double slope) { return x > 0 ? x : slope * x; })},
      {"elu", each_with<double>(
                  [](double x, double alpha) { return x > 0 ? x : alpha * (std::exp(x) - 1); })},
      {"gelu", each_with<GeluMode>(gelu_by_definition)},
      {"silu", each([](double x) { return x / (1 + std::exp(-x)); })},
      {"hard_swish", each([](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; })},
      {"sigmoid", each([](double x) { return 1 / (1 + std::exp(-x)); })},
      {"tanh", each([](double x) { return std::tanh(x); })},
      {"softplus", each_with<SoftplusArguments>(softplus_by_definition)},
      {"exp", each([](double x) { return std::exp(x); })},
      {"log", each([](double x) { return std::log(x); })},
      {"sqrt", each([](double x) { return std::sqrt(x); })},
      {"abs", each([](double x) { return std::abs(x); })},
      {"clamp", each_with<ClampArguments>([](double x, const ClampArguments& a) {
         return std::clamp(x, a.lowest, a.highest);
       })},
      {"scale", each_with<double>([](double x, double factor) { return factor * x; })},
      {"cast", each([](double x) { return static_cast<double>(static_cast<float>(x)); })},
      {"dropout", dropout_twin},
      {"dropout2d", dropout2d_twin},
      {"where", where_twin},
  };
}

}  // namespace pixelgrad
