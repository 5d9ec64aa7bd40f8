#pragma once
#include <vector>

#include "autograd/op_cases.h"

namespace pixelgrad {

/// A model of every family in list_models(), small, as cases of the gradient checker (see
/// module_sample): the logits, and those of an auxiliary head, with respect to the images and all
/// parameters. To be checked with model_check_options().
const std::vector<OpCase>& model_cases();

/// Steps of 1e-5, because a network has bends everywhere and a wide step crosses some; tolerance
/// 1e-6; a sample of the elements of each tensor, of which there are many.
GradcheckOptions model_check_options();

}  // namespace pixelgrad
