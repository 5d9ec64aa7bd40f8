#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "models/model.h"

namespace pixelgrad {

/// How much of the input an output pixel depends on: the largest extent over all paths, borders not
/// taken into account, so that it may be larger than the image. Where enlarging after pooling lets
/// one pixel see some more than the next, it is their mean; receptive_box() has each. Where a path
/// pools the whole image it is the image (Araujo, Norris and Sim, "Computing receptive fields of
/// convolutional neural networks", Distill 2019).
struct ReceptiveField {
  int64_t height = 1, width = 1;  ///< pixels of the input
  bool whole_image = false;       ///< pools the whole image somewhere
};

/// One op of a network.
struct LayerSummary {
  std::string name = {};  ///< the path of the module whose parameters it reads; empty without any
  std::string type = {};  ///< what the module says it is, or the op's name
  Shape shape = {};       ///< of the output
  int64_t parameters = 0;
  int64_t macs = 0;
  int64_t activation_bytes = 0;
  ReceptiveField receptive_field = {};
};

/// What a network costs, for one image.
struct ModelSummary {
  Shape input = {}, logits = {};
  int64_t parameters = 0;     ///< values that are learned
  int64_t trainable = 0;      ///< of these, values that training moves
  int64_t buffers = 0;        ///< values that are state but not learned: running statistics
  int64_t training_only = 0;  ///< parameters of what only training runs, as an auxiliary head; they
                              ///< belong to no layer below
  /// Multiply-adds of convolutions, transposed convolutions and matrix products: for a convolution
  /// output elements x kernel height x kernel width x input channels / groups, taps in the padding
  /// included; for a transposed one the same count of the convolution that it is the gradient of,
  /// input elements x kernel height x kernel width x output channels / groups. Biases, norms,
  /// activations, pooling and resizing are not counted.
  int64_t macs = 0;
  /// Of the outputs of all ops, in single precision; norm, residual and activation are one op.
  /// What must be kept for a backward is less: docs/saved-values.md.
  int64_t activation_bytes = 0;
  ReceptiveField receptive_field = {};    ///< of the logits
  std::vector<LayerSummary> layers = {};  ///< in the order in which they run, in evaluation mode
};

/// Walks through the network for one image of height x width, in evaluation mode. Nothing is
/// computed (see Trace), so size costs no time. The mode of the model stays as it was. Throws Error
/// where forward would, and for an op that does not say which pixels it reads.
ModelSummary summarize(SegmentationModel& model, int64_t height, int64_t width);

}  // namespace pixelgrad
