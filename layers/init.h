#pragma once
#include <cstdint>
#include <string_view>

#include "tensor/random.h"

namespace pixelgrad {

/// While one lives, parameters created on this thread draw their first values from `seed`: equal
/// seeds and the same construction give equal networks, and no two tensors of a network are alike.
/// Outside of any scope the seed is 0 and the draws of the thread continue.
///
///   const InitScope scope(seed);
///   const auto model = make_model({.name = "unet"});
class InitScope {
 public:
  explicit InitScope(uint64_t seed);
  ~InitScope();
  InitScope(const InitScope&) = delete;
  InitScope& operator=(const InitScope&) = delete;

  /// The key of the next tensor to be filled.
  static RandomKey next_key();

 private:
  RandomKey previous_;
};

/// How many inputs an output value of a weight sums over, and how many outputs an input value
/// reaches, counted as PyTorch does: for a convolution [Cout,Kh,Kw,Cin/groups] in = Kh Kw
/// Cin/groups and out = Kh Kw Cout; for a transposed one [Cin,Kh,Kw,Cout/groups] in = Kh Kw
/// Cout/groups and out = Kh Kw Cin; for a matrix [out,in] its sizes. Throws Error for any other
/// number of dimensions.
struct Fans {
  int64_t in, out;
};
Fans fans_of(const Shape& weight);

/// First values of the weight and bias of a convolution or a linear layer.
enum class Init {
  pytorch_default,  ///< U(-b, b), b = 1 / sqrt(fan in), for weight and bias (kaiming_uniform_, a =
                    ///< sqrt 5)
  he_normal,        ///< N(0, 2 / fan in) (He et al., "Delving deep into rectifiers", ICCV 2015)
  he_normal_fan_out,    ///< N(0, 2 / fan out): torchvision's ResNet
  he_uniform,           ///< U with the variance of he_normal
  glorot_normal,        ///< N(0, 2 / (fan in + fan out)) (Glorot and Bengio, AISTATS 2010)
  glorot_uniform,       ///< U with the variance of glorot_normal
  he_normal_truncated,  ///< he_normal without values beyond two standard deviations of the normal
                        ///< that is cut, which is wider so that the variance stays: Keras's
};

/// Fills a weight. Normal values are not truncated unless said.
void initialize_weight(Tensor& weight, Init init);

/// Fills a bias that belongs to a weight of shape `weight`: zeros, except for pytorch_default.
void initialize_bias(Tensor& bias, const Shape& weight, Init init);

}  // namespace pixelgrad
