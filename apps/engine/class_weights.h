#pragma once
#include <string>

#include "data/dataset.h"
#include "tensor/tensor.h"

// Weights of the classes in a loss, from how often the training labels hold them.
namespace pixelgrad {

/// [K] of f32, one for each class of `train`, whose labels are all read once; 0 for a class that no
/// label holds. With p the share of a class in the pixels that have one, `rule` is
///   enet: 1 / ln(1.02 + p), between 1.4 and 50 (Paszke et al., ENet, arXiv:1606.02147), or
///   median: median frequency balancing (Eigen and Fergus, ICCV 2015): the median of the classes'
///     frequencies over each class's own, counted in the images that hold the class. Not bounded.
/// Throws UsageError for another rule, DataError where no pixel has a class.
Tensor class_weights(const std::string& rule, const Dataset& train);

}  // namespace pixelgrad
