#pragma once
#include <functional>
#include <vector>

#include "tensor/tensor.h"

namespace pixelgrad {

/// A stretch of a network. It gets its inputs by value, to let go of each as soon as it is read.
using Segment = std::function<std::vector<Tensor>(std::vector<Tensor> inputs)>;

/// segment(inputs), of which the graph keeps nothing but the inputs: the backward runs the segment
/// once more, recorded, and goes through that. Memory for time: Chen, Xu, Zhang and Guestrin,
/// "Training deep nets with sublinear memory cost", 2016.
///
/// Values, gradients and the order in which they are added up, so every bit, are those of
/// segment(inputs). Parameters and other tensors that the segment captures get their gradients as
/// well. Inputs and results may be undefined or need no gradient; segments may be nested. Without
/// gradients this is segment(inputs) and no more.
///
/// The segment must compute the same whenever it is called until the backward has run, and what it
/// captures must live as long. Tensors that it reads must not be overwritten in the meantime, which
/// backward() reports. What it changes besides, it changes only where recomputing() is false, as
/// batch norm does with its running statistics. Layers that draw random numbers need the StepScope
/// of the first call: Module::checkpointed sees to that.
std::vector<Tensor> checkpoint(Segment segment, std::vector<Tensor> inputs);

/// The same for one result.
Tensor checkpoint(std::function<Tensor(std::vector<Tensor>)> segment, std::vector<Tensor> inputs);

/// True while a backward runs a segment once more.
bool recomputing();

}  // namespace pixelgrad
