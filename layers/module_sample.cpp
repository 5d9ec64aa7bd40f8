#include "layers/module_sample.h"

#include <utility>

#include "layers/init.h"
#include "layers/step_scope.h"
#include "tensor/random.h"

namespace pixelgrad {

OpSample module_sample(std::string name, Shape x, std::function<std::unique_ptr<Module>()> make,
                       std::function<Tensor(Module& module, const Tensor& x)> forward) {
  const auto module = std::make_shared<std::unique_ptr<Module>>(make());
  OpSample sample;
  sample.name = std::move(name);
  sample.input_names = {"x"};
  for (const NamedTensor& p : (*module)->parameters()) sample.input_names.push_back(p.name);
  sample.inputs = [module, x = std::move(x), make](uint64_t seed) {
    const InitScope init(seed);
    *module = make();
    (*module)->to(Dtype::f64);
    std::vector<Tensor> inputs{Tensor::empty(x, Dtype::f64)};
    fill_normal(inputs[0], {.seed = seed, .stream = stream_of("module sample")}, 0, 1);
    for (NamedTensor& p : (*module)->parameters()) {
      if (p.tensor.dims() == 1)
        fill_uniform(p.tensor, {.seed = seed, .stream = stream_of(p.name)}, 0.2, 0.9);
      inputs.push_back(p.tensor);
    }
    return inputs;
  };
  sample.call = [module, forward = std::move(forward)](const std::vector<Tensor>& in) {
    const StepScope step(1, 2);
    return forward(**module, in[0]);
  };
  return sample;
}

}  // namespace pixelgrad
