#include "bench/ladder/check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/check.h"
#include "tensor/random.h"

namespace pixelgrad::ladder {
namespace {

Tensor random(Shape shape, uint64_t seed, Numbers numbers) {
  Tensor t = Tensor::empty(std::move(shape), Dtype::f32);
  if (numbers == Numbers::normal) {
    fill_normal(t, {.seed = seed}, 0, 1);
  } else {
    Random random({.seed = seed});
    for (float& value : std::span(t.mutable_data<float>(), t.numel()))
      value = static_cast<float>(random.below(7) - 3);
  }
  return t;
}

int64_t outputs(const Sizes& s) { return s.batch * s.height * s.width * s.out; }

/// What a rung makes of a layer. A result that it forgets is NaN.
std::vector<float> results(const Rung& rung, const Layer& layer) {
  std::fill_n(layer.y, outputs(layer), std::numeric_limits<float>::quiet_NaN());
  rung(layer);
  return {layer.y, layer.y + outputs(layer)};
}

struct Comparison {
  size_t wrong = 0, worst = 0;
  double largest = 0;  ///< difference, of element `worst`; NaN if there is one
};

Comparison compare(const std::vector<float>& got, const std::vector<float>& expected,
                   double limit) {
  Comparison c;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(double{got[i]} - expected[i]);
    // Written so that NaN is wrong, and larger than any number.
    if (!(difference <= limit)) ++c.wrong;
    if (!std::isnan(c.largest) && !(difference <= c.largest)) c.largest = difference, c.worst = i;
  }
  return c;
}

std::string element(const Sizes& s, size_t index) {
  const auto i = static_cast<int64_t>(index);
  return str("y[", i / s.out / s.width / s.height, ",", i / s.out / s.width % s.height, ",",
             i / s.out % s.width, ",", i % s.out, "]");
}

}  // namespace

Problem::Problem(const Sizes& s, Numbers numbers)
    : x_(random({s.batch, s.height, s.width, s.in}, 1, numbers)),
      weight_(random({s.out, 3, 3, s.in}, 2, numbers)),
      scale_(random({s.out}, 3, numbers)),
      shift_(random({s.out}, 4, numbers)),
      y_(Tensor::empty({s.batch, s.height, s.width, s.out}, Dtype::f32)),
      layer_{s,
             x_.data<float>(),
             weight_.data<float>(),
             scale_.data<float>(),
             shift_.data<float>(),
             y_.mutable_data<float>()} {}

Checker::Checker(const Sizes& sizes)
    : integers_(sizes, Numbers::integers),
      normal_(sizes, Numbers::normal),
      expected_integers_(results(rungs()[0], integers_.layer())),
      expected_normal_(results(rungs()[0], normal_.layer())) {}

Agreement Checker::operator()(const Rung& rung) const {
  Agreement agreement;
  const auto add = [&](const Layer& layer, const std::vector<float>& expected, double limit,
                       const char* numbers) {
    const std::vector<float> got = results(rung, layer);
    const Comparison c = compare(got, expected, limit);
    if (c.wrong > 0 && agreement.ok) {
      agreement.ok = false;
      agreement.complaint =
          str(rung.name, ": ", c.wrong, " of ", got.size(), " results are wrong on ", numbers, "; ",
              element(layer, c.worst), " is ", got[c.worst], ", expected ", expected[c.worst]);
    }
    return c.largest;
  };
  add(integers_.layer(), expected_integers_, 0, "integers");
  double scale = 1;
  for (const float value : expected_normal_) scale = std::max(scale, std::abs(double{value}));
  const Layer& layer = normal_.layer();
  const double products = 9.0 * static_cast<double>(layer.in);
  const double limit = products * std::numeric_limits<float>::epsilon() * scale;
  agreement.difference = add(layer, expected_normal_, limit, "normal numbers") / scale;
  return agreement;
}

}  // namespace pixelgrad::ladder
