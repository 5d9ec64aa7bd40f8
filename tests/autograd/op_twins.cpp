#include "tests/autograd/op_twins.h"

#include "tensor/random.h"

namespace pixelgrad {

std::vector<Tensor> random_inputs(const std::vector<Shape>& shapes, Dtype dtype) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    // f64 from f32, so that both dtypes see the same numbers
    Tensor x = Tensor::empty(shapes[i], Dtype::f32);
    fill_normal(x, {.seed = 7, .stream = i}, 0, 1);
    inputs.push_back(x.to(dtype));
  }
  return inputs;
}

Tensor random_labels(const Shape& shape, int64_t classes, int32_t ignore) {
  Random random({.seed = 3, .stream = stream_of("labels")});
  std::vector<int32_t> labels(static_cast<size_t>(numel(shape)));
  for (int32_t& label : labels)
    label = random.chance(0.125) ? ignore : static_cast<int32_t>(random.below(classes));
  return Tensor::from(shape, labels);
}

std::vector<OpTwin> all_op_twins() {
  std::vector<OpTwin> all;
  for (const auto& family : {loss_twins()}) all.insert(all.end(), family.begin(), family.end());
  return all;
}

}  // namespace pixelgrad
