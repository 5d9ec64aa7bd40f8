#include "autograd/op_cases/internal.h"

#include <utility>

#include "tensor/random.h"

namespace pixelgrad {

MakeInputs normals(std::vector<Shape> shapes) {
  return [shapes = std::move(shapes)](uint64_t seed) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < shapes.size(); ++i) {
      inputs.push_back(Tensor::empty(shapes[i], Dtype::f64));
      fill_normal(inputs.back(), {.seed = seed, .stream = stream_of("op case"), .step = i}, 0, 1);
    }
    return inputs;
  };
}

MakeInputs positives(std::vector<Shape> shapes) {
  return [shapes = std::move(shapes)](uint64_t seed) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < shapes.size(); ++i) {
      inputs.push_back(Tensor::empty(shapes[i], Dtype::f64));
      fill_uniform(inputs.back(),
                   {.seed = seed, .stream = stream_of("positive op case"), .step = i}, 0.5, 2);
    }
    return inputs;
  };
}

MakeInputs joined(std::vector<MakeInputs> parts) {
  return [parts = std::move(parts)](uint64_t seed) {
    std::vector<Tensor> inputs;
    for (const MakeInputs& part : parts)
      for (Tensor& x : part(seed)) inputs.push_back(std::move(x));
    return inputs;
  };
}

MakeInputs spaced(std::vector<Shape> shapes) {
  return [shapes = std::move(shapes)](uint64_t seed) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < shapes.size(); ++i) {
      Random random({.seed = seed, .stream = stream_of("spaced op case"), .step = i});
      const int64_t n = numel(shapes[i]);
      std::vector<double> values(n);
      for (int64_t k = 0; k < n; ++k) values[k] = 0.05 * static_cast<double>(k - n / 2) + 0.025;
      for (int64_t k = n; k > 1; --k) std::swap(values[k - 1], values[random.below(k)]);
      inputs.push_back(Tensor::from(shapes[i], values));
    }
    return inputs;
  };
}

Tensor random_labels(const Shape& shape, int64_t classes, int64_t ignored, const Tensor& like) {
  Random random({.seed = 1, .stream = stream_of("labels of an op case")});
  std::vector<int32_t> labels(numel(shape));
  for (int32_t& label : labels) label = static_cast<int32_t>(random.below(classes));
  const auto n = static_cast<int64_t>(labels.size());
  for (int64_t k = 0; k < ignored; ++k) labels[k * n / ignored] = 255;
  return Tensor::from(shape, labels).to(like.device());
}

Tensor captured(const std::vector<double>& values, const Tensor& like) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values)
      .to(compute_dtype(like.dtype()))
      .to(like.device());
}

int64_t saves_nothing(const OpSample&, const std::vector<Shape>&, const Shape&, int64_t) {
  return 0;
}

int64_t saves_inputs(const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                     int64_t element) {
  int64_t values = 0;
  for (const Shape& shape : inputs) values += numel(shape);
  return values * element;
}

Tensor zeros(Shape shape) { return Tensor::zeros(std::move(shape), Dtype::f64); }

}  // namespace pixelgrad
