#pragma once
#include <cmath>
#include <cstdint>
#include <span>

#include "tensor/device.h"

// How parameters move. The rules are written once, for one element; back ends own the loops. A
// kernel takes all parameters of a network in one call, so that the hundred small ones (biases,
// batch norm scales) do not cost a thread wake-up or a launch each.
namespace pixelgrad::kernels {

/// Coefficients of one step of stochastic gradient descent (Sutskever et al., "On the importance of
/// initialization and momentum in deep learning", ICML 2013, in PyTorch's form, where the learning
/// rate multiplies the velocity when it is used and not when it is stored).
template <class T>
struct SgdRule {
  T lr;
  T weight_decay;  ///< L2: added to the gradient
  T momentum;      ///< what is kept of the velocity; 0 on the first step
  T take;  ///< how much of the gradient enters the velocity: 1 - dampening; 1 on the first step
  T lookahead;  ///< Nesterov: the momentum to look ahead with
  bool nesterov;

  /// p without velocity.
  PIXELGRAD_HD void operator()(T grad, T& p) const { p -= lr * (grad + weight_decay * p); }

  /// p and its velocity.
  PIXELGRAD_HD void operator()(T grad, T& p, T& velocity) const {
    const T g = grad + weight_decay * p;
    velocity = momentum * velocity + take * g;
    p -= lr * (nesterov ? g + lookahead * velocity : velocity);
  }
};

/// Coefficients of one step of Adam (Kingma and Ba, "Adam: a method for stochastic optimization",
/// ICLR 2015) and AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR
/// 2019).
template <class T>
struct AdamRule {
  T step_size;  ///< lr / (1 - beta1^t)
  T beta1, one_minus_beta1;
  T beta2, one_minus_beta2;
  T eps;           ///< added to the root, after its bias correction
  T root_scale;    ///< 1 / sqrt(1 - beta2^t)
  T weight_decay;  ///< L2: added to the gradient
  T shrink;        ///< decoupled weight decay: 1 - lr * decay

  PIXELGRAD_HD void operator()(T grad, T& p, T& mean, T& square) const {
    p *= shrink;
    const T g = grad + weight_decay * p;
    mean = beta1 * mean + one_minus_beta1 * g;
    square = beta2 * square + one_minus_beta2 * (g * g);
    p -= step_size * mean / (std::sqrt(square) * root_scale + eps);
  }
};

/// One parameter of n values in one step of SGD.
template <class T>
struct SgdSlot {
  int64_t n;
  SgdRule<T> rule;
  const T* grad;
  T* param;
  T* velocity;  ///< null without momentum
};

/// One parameter of n values in one step of Adam.
template <class T>
struct AdamSlot {
  int64_t n;
  AdamRule<T> rule;
  const T* grad;
  T* param;
  T* mean;
  T* square;
};

/// n gradient values: GradSlot<const float> to read, GradSlot<float> to change.
template <class T>
struct GradSlot {
  int64_t n;
  T* grad;
};

// Where `halted` is not null and *halted, on the device, is not 0, a step changes nothing.

template <Device D, class T>
void sgd_step(std::span<const SgdSlot<T>> slots, const int32_t* halted = nullptr);

template <Device D, class T>
void adam_step(std::span<const AdamSlot<T>> slots, const int32_t* halted = nullptr);

/// *norm = the root of the sum of the squares of all values of all slots, in f64 and in a fixed
/// order.
template <Device D, class T>
void gradient_norm(std::span<const GradSlot<const T>> slots, double* norm);

/// What gradients of a norm are multiplied by so that it is at most max_norm, but for the 1e-6;
/// 1 where the norm is not finite.
PIXELGRAD_HD inline double clip_factor(double norm, double max_norm) {
  const double factor = max_norm / (norm + 1e-6);
  return std::isfinite(norm) && factor < 1 ? factor : 1;
}

/// Multiplies all values of all slots by clip_factor(*norm, max_norm).
template <Device D, class T>
void clip_to_norm(std::span<const GradSlot<T>> slots, const double* norm, double max_norm);

/// *halted = 1 unless both numbers are finite.
template <Device D, class T>
void halt_unless_finite(const T* loss, const double* norm, int32_t* halted);

}  // namespace pixelgrad::kernels
