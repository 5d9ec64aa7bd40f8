#pragma once
#include "bench/ladder/ladder.h"
#include "tensor/tensor.h"

namespace pixelgrad::ladder {

constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// The weights with output channels innermost, [3, 3, in, out]; out is rounded up to `multiple`
/// with zeros, so that blocks of so many channels can be read without a look at the end.
inline Tensor transpose(const Layer& l, int64_t multiple) {
  const int64_t out = round_up(l.out, multiple);
  Tensor transposed = Tensor::zeros({3, 3, l.in, out}, Dtype::f32);
  float* to = transposed.mutable_data<float>();
  for (int64_t tap = 0; tap < 9; ++tap)
    for (int64_t co = 0; co < l.out; ++co)
      for (int64_t ci = 0; ci < l.in; ++ci)
        to[(tap * l.in + ci) * out + co] = l.weight[(co * 9 + tap) * l.in + ci];
  return transposed;
}

}  // namespace pixelgrad::ladder
