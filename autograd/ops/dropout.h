#pragma once
#include "autograd/graph.h"
#include "tensor/random.h"

namespace pixelgrad {

/// Sets each element to 0 with probability p and divides the others by 1 - p (Srivastava et al.
/// 2014); x itself where `training` is false or p is 0. Which elements fall depends on the key and
/// their index alone, so the backward computes the mask again and nothing is kept. 0 <= p <= 1.
Tensor dropout(const Tensor& x, double p, bool training, const RandomKey& key);

/// Like dropout, but of whole channels of an image: [N,H,W,C] with one draw for each of the N * C
/// channels (Tompson et al., CVPR 2015). Neighbouring pixels are alike, so that dropping single
/// values would hardly hide anything. What falls depends on the key and n * C + c alone.
Tensor dropout2d(const Tensor& x, double p, bool training, const RandomKey& key);

}  // namespace pixelgrad
