#pragma once
#include <string>

#include "data/dataset.h"
#include "tensor/tensor.h"

// Weights of the classes in a loss, from how often the training labels hold them.
namespace pixelgrad {

/// [K] of f32, one for each class of `train`, whose labels are all read once; 0 for a class that no
/// label holds. With p the share of a class in the pixels that have one, `rule` is
///   enet, or enet:C: 1 / ln(C + p) with C above 1, by default 1.02 as in the paper (Paszke et al.,
///     ENet, arXiv:1606.02147): no weight is above 1 / ln C, that is 50; with C = 1.1, 10.5;
///   median: median frequency balancing (Eigen and Fergus, ICCV 2015): the median of the classes'
///     frequencies over each class's own, counted in the images that hold the class. Not bounded.
/// Throws UsageError for another rule or a C that is not above 1, DataError where no pixel has a
/// class.
Tensor class_weights(const std::string& rule, const Dataset& train);

}  // namespace pixelgrad
