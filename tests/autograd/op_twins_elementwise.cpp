#include <cmath>

#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/shape.h"
#include "tests/autograd/op_twins.h"

namespace pixelgrad {
namespace {

using naive::Array;
using Tensors = std::vector<Tensor>;
using Arrays = std::vector<Array>;

const std::vector<Shape> one = {{2, 3, 5, 7}}, one_large = {{3, 67, 41, 13}};
const std::vector<Shape> two = {{2, 3, 5, 7}, {2, 3, 5, 7}},
                         two_large = {{3, 67, 41, 13}, {3, 67, 41, 13}};

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

OpTwin dropout_twin(double p) {
  const RandomKey key{.seed = 11, .stream = stream_of("decoder.0"), .step = 5};
  return {.name = "dropout/p=" + std::to_string(p),
          .shapes = one,
          .large_shapes = one_large,
          .op = [=](const Tensors& x) { return dropout(x[0], p, true, key); },
          .naive =
              [=](const Arrays& x) {
                Array y(x[0].shape);
                for (size_t i = 0; i < y.values.size(); ++i)
                  y.values[i] = dropout_bits(key, i) < p * 0x1p32 ? 0 : x[0].values[i] / (1 - p);
                return y;
              },
          .keeps = nothing};
}

}  // namespace

std::vector<OpTwin> elementwise_twins() {
  return {
      {.name = "relu",
       .shapes = one,
       .large_shapes = one_large,
       .op = [](const Tensors& x) { return relu(x[0]); },
       .naive = [](const Arrays& x) { return map(x[0], [](double v) { return v > 0 ? v : 0; }); },
       .keeps = nothing},
      {.name = "leaky_relu",
       .shapes = one,
       .large_shapes = one_large,
       .op = [](const Tensors& x) { return leaky_relu(x[0], 0.25); },
       .naive =
           [](const Arrays& x) { return map(x[0], [](double v) { return v > 0 ? v : v / 4; }); },
       .keeps = nothing},
      {.name = "sigmoid",
       .shapes = one,
       .large_shapes = one_large,
       .op = [](const Tensors& x) { return sigmoid(x[0]); },
       .naive =
           [](const Arrays& x) {
             return map(x[0], [](double v) { return 1 / (1 + std::exp(-v)); });
           },
       .keeps = nothing},
      {.name = "add",
       .shapes = two,
       .large_shapes = two_large,
       .op = [](const Tensors& x) { return x[0] + x[1]; },
       .naive =
           [](const Arrays& x) {
             return map(x[0], x[1], [](double a, double b) { return a + b; });
           },
       .keeps = nothing},
      {.name = "add/itself",
       .shapes = one,
       .large_shapes = one_large,
       .op = [](const Tensors& x) { return x[0] + x[0]; },
       .naive = [](const Arrays& x) { return map(x[0], [](double v) { return 2 * v; }); },
       .keeps = nothing},
      {.name = "mul",
       .shapes = two,
       .large_shapes = two_large,
       .op = [](const Tensors& x) { return x[0] * x[1]; },
       .naive =
           [](const Arrays& x) {
             return map(x[0], x[1], [](double a, double b) { return a * b; });
           },
       .keeps = [](const auto& in, const Shape&) { return 8 * numel(in[0]); }},
      {.name = "scale",
       .shapes = one,
       .large_shapes = one_large,
       .op = [](const Tensors& x) { return -1.75 * x[0]; },
       .naive = [](const Arrays& x) { return map(x[0], [](double v) { return -1.75 * v; }); },
       .keeps = nothing},
      dropout_twin(0.25),
      dropout_twin(0.7),
      {.name = "reshape",
       .shapes = one,
       .large_shapes = {{3, 67, 41, 13}},
       .op =
           [](const Tensors& x) {
             return reshape(x[0], {x[0].numel() / x[0].shape(1), x[0].shape(1)});
           },
       .naive =
           [](const Arrays& x) {
             Array y({x[0].pixels() * x[0].channels() / x[0].size(1), x[0].size(1)});
             y.values = x[0].values;
             return y;
           },
       .keeps = nothing},
  };
}

}  // namespace pixelgrad
