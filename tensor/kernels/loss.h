#pragma once
#include <cstdint>

#include "tensor/device.h"

namespace pixelgrad::kernels {

struct CrossEntropyGeometry {
  int64_t pixels = 1, classes = 1;
  int32_t ignore_index = 255;
  double label_smoothing = 0;
};

/// Index of the first label that is neither ignore_index nor in [0, classes), or -1.
template <Device D>
int64_t find_bad_label(const CrossEntropyGeometry& g, const int32_t* labels);

/// Softmax cross entropy of logits [pixels, classes] with good labels [pixels], averaged as PyTorch
/// does. With a = label_smoothing, K = classes, w = class_weights [classes] (null: 1), p = softmax,
/// V = the pixels that are not ignored and W = the sum of w[label] over V:
///   loss = sum over V of ((1 - a) w[label] (-log p[label]) + a/K sum_k w[k] (-log p[k])) / W
///   dlogits[k] = (t p[k] - (k == label) (1 - a) w[label] - a/K w[k]) / W,
///   t = (1 - a) w[label] + a/K sum_k w[k]
/// and 0 where W = 0. Writes one value to `loss`; `dlogits` may be null. Both come from one pass
/// over the logits, so that the exponentials are taken once.
template <Device D, class T>
void cross_entropy(const CrossEntropyGeometry& g, const T* logits, const int32_t* labels,
                   const T* class_weights, T* loss, T* dlogits);

/// loss = mean of (x - target)^2 over n values
template <Device D, class T>
void mse_forward(int64_t n, const T* x, const T* target, T* loss);

/// dx = 2 (x - target) *dy / n; dy is one value, on the device.
template <Device D, class T>
void mse_backward(int64_t n, const T* x, const T* target, const T* dy, T* dx);

}  // namespace pixelgrad::kernels
