#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "layers/layer.h"

namespace pixelgrad {

/// Layers one after the other, named "0", "1", ... as in PyTorch.
///
///   Sequential& head = add<Sequential>("head");
///   head.append<ConvBnAct>({.in_channels = 512, .out_channels = 128});
///   head.append<Conv2d>({.in_channels = 128, .out_channels = classes, .kernel_size = 1});
class Sequential : public Layer {
 public:
  template <class L, class... Args>
  L& append(Args&&... args) {
    return keep(add<L>(std::to_string(layers_.size()), std::forward<Args>(args)...));
  }
  template <class L>
  L& append(typename L::Options options) {
    return keep(add<L>(std::to_string(layers_.size()), std::move(options)));
  }
  /// Takes a layer that was chosen at run time.
  Layer& append(std::unique_ptr<Layer> layer) {
    return keep(add(std::to_string(layers_.size()), std::move(layer)));
  }

  Tensor forward(const Tensor& x) override {
    Tensor y = x;
    for (Layer* layer : layers_) y = layer->forward(y);
    return y;
  }

  size_t size() const { return layers_.size(); }

 private:
  template <class L>
  L& keep(L& layer) {
    layers_.push_back(&layer);
    return layer;
  }
  std::vector<Layer*> layers_;
};

}  // namespace pixelgrad
