#pragma once
#include <cstdint>
#include <vector>

#include "autograd/op_cases.h"

// What the tables of op cases share. Included by op_cases.cpp and the tables alone.
namespace pixelgrad {

std::vector<OpCase> arithmetic_cases();
std::vector<OpCase> convolution_cases();
std::vector<OpCase> fusion_cases();
std::vector<OpCase> label_loss_cases();
std::vector<OpCase> loss_cases();
std::vector<OpCase> matmul_cases();
std::vector<OpCase> normalization_cases();
std::vector<OpCase> pointwise_cases();
std::vector<OpCase> pooling_cases();
std::vector<OpCase> reduction_cases();
std::vector<OpCase> resize_cases();
std::vector<OpCase> shape_cases();

inline constexpr std::vector<OpCase> (*op_case_families[])() = {
    convolution_cases, matmul_cases,     normalization_cases, fusion_cases,
    pointwise_cases,   arithmetic_cases, reduction_cases,     pooling_cases,
    resize_cases,      shape_cases,      loss_cases,          label_loss_cases,
};

using MakeInputs = std::function<std::vector<Tensor>(uint64_t seed)>;

/// Standard normal values.
MakeInputs normals(std::vector<Shape> shapes);

/// Uniform in [0.5, 2): for what divides, takes logarithms or raises to powers.
MakeInputs positives(std::vector<Shape> shapes);

/// Shuffled values 0.05 apart, the nearest to 0 at 0.025: no ties and nothing near 0, so that steps
/// of 0.002 neither change which of them is the largest nor cross 0.
MakeInputs spaced(std::vector<Shape> shapes);

/// One after the other, of the inputs of one sample.
MakeInputs joined(std::vector<MakeInputs> parts);

/// Labels [n,h,w] (i32) in [0, classes), with `ignored` of them set to 255, where `like` lives.
Tensor random_labels(const Shape& shape, int64_t classes, int64_t ignored, const Tensor& like);

/// `values` with the dtype and on the device of `like`.
Tensor captured(const std::vector<double>& values, const Tensor& like);

/// For OpCase::saved_bytes: nothing, or the inputs.
int64_t saves_nothing(const OpSample&, const std::vector<Shape>&, const Shape&, int64_t);
int64_t saves_inputs(const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                     int64_t element);

/// Zeros in f64: an argument of a wrong shape, for the error cases.
Tensor zeros(Shape shape);

}  // namespace pixelgrad
