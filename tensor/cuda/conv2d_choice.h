#pragma once
#include <map>
#include <string>

#include "tensor/kernels/conv2d.h"

// A convolution of one tap, at stride 1 and without padding, is a product of matrices, for which
// there are two ways on a GPU. Here it is said which is taken.
namespace pixelgrad::cuda {

/// By the tiles of conv2d_tile.h, as all other convolutions; by cuBLAS; or by the one that is
/// thought faster for the shape.
enum class OneTapAlgorithm { automatic, implicit, gemm };

/// By the names that options have for them: auto, implicit, gemm.
const std::map<std::string, OneTapAlgorithm>& one_tap_algorithms();

/// For all convolutions from now on. Results of the two differ by rounding.
void set_one_tap_algorithm(OneTapAlgorithm algorithm);

enum class ConvDirection { forward, input_gradient, weight_gradient };

/// Whether cuBLAS computes this convolution. Of several inputs it never does, nor with bf16.
bool by_gemm(ConvDirection direction, const kernels::Conv2dGeometry& g, kernels::Precision rounded);

}  // namespace pixelgrad::cuda
