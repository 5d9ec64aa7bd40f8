#pragma once
#include <array>
#include <cmath>
#include <string>

#include "tensor/random.h"
#include "tensor/tensor.h"

// Numbers that Python and C++ both compute, tests/reference/counter_formula.py: weights, images and
// labels of whole models need not be stored, and a few projections stand for a gradient.
namespace pixelgrad::testing {

/// Number i of a stream, in [-1, 1), a multiple of 2^-23.
inline double counter_uniform(uint64_t stream, int64_t i) {
  return static_cast<double>(mix(stream, static_cast<uint64_t>(i)) >> 40) * 0x1p-23 - 1;
}

template <class Formula>
void fill_by(Tensor& x, const Formula& formula) {
  for (int64_t i = 0; i < x.numel(); ++i) {
    const auto value = static_cast<float>(formula(i));  // f32 in both precisions
    if (x.dtype() == Dtype::f64)
      x.mutable_data<double>()[i] = value;
    else
      x.mutable_data<float>()[i] = value;
  }
}

/// A tensor of a state dict.
inline void fill_state(Tensor x, const std::string& name) {
  if (x.dtype() == Dtype::i64) return;
  const uint64_t stream = stream_of(name);
  if (x.dims() == 4) {
    const double scale = std::sqrt(6.0 / static_cast<double>(x.numel() / x.shape(0)));
    fill_by(x, [&](int64_t i) { return scale * counter_uniform(stream, i); });
  } else if (name.ends_with("running_var")) {
    fill_by(x, [&](int64_t i) { return 2 + counter_uniform(stream, i); });
  } else if (name.ends_with("weight")) {
    // Strong shortcuts keep residual networks well-conditioned.
    const double mean = name.find("downsample") != std::string::npos ? 2 : 0.5;
    fill_by(x, [&](int64_t i) { return mean + 0.25 * counter_uniform(stream, i); });
  } else {
    fill_by(x, [&](int64_t i) { return 0.125 * counter_uniform(stream, i); });
  }
}

/// Noise; each image has more contrast and is brighter than the one before, since batch norm over
/// means of images, in a pyramid's pooled branch, is ill-conditioned where these are alike.
inline Tensor counter_images(const Shape& size, Dtype dtype) {
  Tensor x = Tensor::empty({size.at(0), size.at(1), size.at(2), 3}, dtype);
  const int64_t values = x.numel() / x.shape(0);  // of an image
  fill_by(x, [&](int64_t i) {
    const auto n = static_cast<double>(i / values);
    return (1 + n) * counter_uniform(stream_of("images"), i) + n;
  });
  return x;
}

/// Class ids, of which one in classes + 1 is 255, to be ignored.
inline Tensor counter_labels(const Shape& logits) {
  const int64_t classes = logits.at(3);
  Tensor y = Tensor::empty({logits[0], logits[1], logits[2]}, Dtype::i32);
  int32_t* ids = y.mutable_data<int32_t>();
  for (int64_t i = 0; i < y.numel(); ++i) {
    const uint64_t hash = mix(stream_of("labels"), static_cast<uint64_t>(i));
    const auto id = static_cast<int32_t>((hash >> 40) % static_cast<uint64_t>(classes + 1));
    ids[i] = id == classes ? 255 : id;
  }
  return y;
}

/// Four projections onto pseudo-random vectors in [-1, 1), the L2 norm and the largest absolute
/// value: an error in a tensor shows in its projections with nearly its own size.
using Summary = std::array<double, 6>;

inline Summary summary_of(const Tensor& x) {
  Summary out{};
  double squares = 0;
  const uint64_t stream = stream_of("projections");
  int64_t i = 0;
  for (const double v : x.to_doubles()) {
    const uint64_t bits = mix(stream, static_cast<uint64_t>(i++));
    for (size_t j = 0; j < 4; ++j)
      out[j] += v * (static_cast<double>(bits >> (16 * j) & 0xffff) / 32768 - 1);
    squares += v * v;
    out[5] = std::max(out[5], std::fabs(v));
  }
  out[4] = std::sqrt(squares);
  return out;
}

}  // namespace pixelgrad::testing
