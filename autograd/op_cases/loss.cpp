// softmax, log_softmax, distances to targets, and sums of losses.
#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/distance_loss.h"
#include "autograd/ops/log_softmax.h"
#include "autograd/ops/weighted_sum.h"

namespace pixelgrad {
namespace {

int64_t saves_nothing(const OpSample&, const std::vector<Shape>&, const Shape&, int64_t) {
  return 0;
}

OpCase over_classes(std::string name, Tensor (*op_function)(const Tensor&)) {
  const auto call = [op_function](const std::vector<Tensor>& in) { return op_function(in[0]); };
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"logits"};
  op.saved_bytes = saves_nothing;  // the output
  op.samples = {
      {"2 classes, one pixel", normals({{1, 1, 1, 2}}), call},
      {"3 classes", normals({{2, 3, 5, 3}}), call},
      {"17 classes", normals({{1, 3, 3, 17}}), call},
      {"300 classes", normals({{1, 1, 5, 300}}), call},
      {"a vector", normals({{4}}), call},
      {"rows of a matrix", normals({{5, 4}}), call},
      {"one row more than a block", normals({{129, 3}}), call},
      {"several tiles", normals({{1, 33, 35, 29}}), call},
  };
  op.errors = {
      {"labels",
       [op_function] {
         op_function(Tensor::zeros({2, 2}, Dtype::i32));
       },
       "input holds i32, expected f32 or f64"},
      {"undefined", [op_function] { op_function(Tensor()); }, "input is undefined"},
      {"a scalar", [op_function] { op_function(zeros({})); }, "input is [], expected classes"},
      {"no classes",
       [op_function] {
         op_function(zeros({2, 0}));
       },
       "input is [2,0], expected classes"},
  };
  return op;
}

/// Pairs whose elements differ by 0.3 or more, to either side: |x - target| bends where they meet.
MakeInputs apart(Shape shape) {
  return [shape](uint64_t seed) {
    std::vector<Tensor> in = normals({shape, shape})(seed);
    double* x = in[0].mutable_data<double>();
    for (int64_t i = 0; i < in[0].numel(); ++i)
      x[i] += in[1].data<double>()[i] + (x[i] > 0 ? 0.3 : -0.3);
    return in;
  };
}

OpCase distance(std::string name, Tensor (*op_function)(const Tensor&, const Tensor&)) {
  const auto call = [op_function](const std::vector<Tensor>& in) {
    return op_function(in[0], in[1]);
  };
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x", "target"};
  op.saved_bytes = [](const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) { return 2 * numel(inputs[0]) * element; };
  const std::vector<std::pair<std::string, Shape>> shapes = {{"a scalar", {}},
                                                             {"one value", {1}},
                                                             {"1 channel", {2, 3, 5, 1}},
                                                             {"3 channels", {2, 3, 5, 3}},
                                                             {"17 channels", {1, 3, 3, 17}},
                                                             {"16 values", {16}},
                                                             {"31 values", {31}},
                                                             {"several tiles", {1, 65, 67, 9}}};
  for (const auto& [what, shape] : shapes) op.samples.push_back({what, apart(shape), call});
  op.errors = {
      {"other shapes",
       [op_function] {
         op_function(zeros({2, 3}), zeros({3, 2}));
       },
       "] input is [2,3] and target [3,2], expected one shape"},
      {"mixed dtypes", [op_function] { op_function(zeros({2}), Tensor::zeros({2}, Dtype::f32)); },
       "input holds f64 and target f32, expected one dtype"},
      {"nothing", [op_function] { op_function(zeros({0}), zeros({0})); }, "input [0] is empty"},
      {"no target", [op_function] { op_function(zeros({1}), {}); }, "target is undefined"},
  };
  return op;
}

OpCase weighted_sum_case() {
  OpCase op;
  op.name = "weighted_sum";
  op.inputs = {"a", "b", "c"};
  op.linear = true;
  op.saved_bytes = saves_nothing;
  const auto add = [&](std::string name, Shape shape, std::vector<double> weights) {
    op.samples.push_back({std::move(name),
                          normals(std::vector<Shape>(weights.size(), std::move(shape))),
                          [weights](const std::vector<Tensor>& in) {
                            std::vector<Weighted> terms;
                            for (size_t i = 0; i < in.size(); ++i)
                              terms.push_back({weights[i], in[i]});
                            return weighted_sum(terms);
                          },
                          WeightedSumArguments{weights}});
  };
  add("one term", {}, {2.5});
  add("two losses", {}, {1, 0.4});
  add("three losses", {}, {1, 0.4, -2});
  add("a weight of 0", {1}, {0, 3});
  add("3 channels", {2, 3, 5, 3}, {0.5, 1.5});
  add("17 channels", {1, 3, 3, 17}, {0.5, 1.5, 2});
  add("31 values", {31}, {1, -1});
  add("several tiles", {1, 65, 67, 9}, {0.25, 4});
  op.errors = {
      {"no terms", [] { weighted_sum({}); }, "[weighted_sum] got no terms, expected at least one"},
      {"other shapes",
       [] {
         weighted_sum({{1, zeros({})}, {1, zeros({1})}});
       },
       "[weighted_sum] term 1 is [1] and term 0 [], expected one shape"},
      {"mixed dtypes",
       [] {
         weighted_sum({{1, zeros({})}, {1, Tensor::zeros({}, Dtype::f32)}});
       },
       "[weighted_sum] term 0 holds f64 and another f32, expected one dtype"},
      {"an undefined term",
       [] {
         weighted_sum({{1, zeros({})}, {1, {}}});
       },
       "[weighted_sum] a term is undefined"},
  };
  return op;
}

OpCase deep_supervision_case() {
  const LabelLoss loss = [](const Tensor& logits, const Tensor& labels) {
    return cross_entropy(logits, labels);
  };
  OpCase op;
  op.name = "deep_supervision";
  op.inputs = {"logits", "aux", "aux2"};
  op.saved_bytes = [](const OpSample& sample, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) {
    const auto& labels = std::any_cast<const DeepSupervisionArguments&>(sample.arguments).labels;
    int64_t values = 0;  // of the gradients, at the size of the labels
    for (const Shape& logits : inputs) values += labels.numel() * logits.back();
    return values * element;
  };
  const auto add = [&](std::string name, std::vector<Shape> logits, std::vector<double> weights,
                       Shape labels, int64_t ignored = 0, bool align_corners = false) {
    const int64_t classes = logits[0].back();
    const DeepSupervisionArguments arguments{
        weights, random_labels(labels, classes, ignored, Tensor::zeros({}, Dtype::f64)),
        align_corners};
    op.samples.push_back({std::move(name), normals(std::move(logits)),
                          [arguments, loss](const std::vector<Tensor>& in) {
                            std::vector<Weighted> outputs;
                            for (size_t i = 0; i < in.size(); ++i)
                              outputs.push_back({arguments.weights[i], in[i]});
                            return deep_supervision(outputs, arguments.labels.to(in[0].device()),
                                                    loss,
                                                    {.align_corners = arguments.align_corners});
                          },
                          arguments});
  };
  add("one pixel", {{1, 1, 1, 2}}, {1}, {1, 1, 1});
  add("logits of the labels' size", {{1, 3, 5, 3}, {1, 3, 5, 3}}, {1, 0.4}, {1, 3, 5});
  add("an eighth of the size", {{1, 8, 8, 2}, {1, 1, 1, 2}}, {1, 0.4}, {1, 8, 8});
  add("half the size", {{2, 3, 2, 3}, {2, 3, 2, 3}}, {1, 0.4}, {2, 6, 4}, 5);
  add("corners aligned", {{2, 3, 2, 3}, {2, 2, 2, 3}}, {1, 0.4}, {2, 5, 3}, 0, true);
  add("larger than the labels", {{1, 5, 7, 2}, {1, 3, 4, 2}}, {1, 0.5}, {1, 3, 4});
  add("two auxiliary outputs", {{1, 4, 6, 17}, {1, 2, 3, 17}, {1, 1, 2, 17}}, {1, 0.5, 0.25},
      {1, 4, 6}, 2);
  add("several tiles", {{1, 64, 62, 9}, {1, 2, 2, 9}}, {1, 0.4}, {1, 64, 62}, 40);
  const auto call = [loss](std::vector<Weighted> outputs, Shape labels) {
    return [=] { deep_supervision(outputs, Tensor::zeros(labels, Dtype::i32), loss); };
  };
  op.errors = {
      {"no outputs", call({}, {1, 2, 2}),
       "[deep_supervision] got no logits, expected at least one"},
      {"labels that are no images", call({{1, zeros({2, 3})}}, {2}),
       "[deep_supervision] labels are [2], expected [N,H,W]"},
      {"logits that are no images", call({{1, zeros({2, 3})}}, {1, 2, 2}),
       "[deep_supervision] logits are [2,3], expected [N,h,w,K]"},
      {"another number of images", call({{1, zeros({2, 3, 3, 4})}}, {1, 6, 6}),
       "labels are [1,6,6], expected [2,6,6]"},
      {"no loss",
       [] {
         deep_supervision({{1, zeros({1, 2, 2, 3})}}, Tensor::zeros({1, 2, 2}, Dtype::i32), {});
       },
       "[deep_supervision] the loss is empty"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> loss_cases() {
  return {over_classes("softmax", softmax),
          over_classes("log_softmax", log_softmax),
          distance("mse", mse),
          distance("l1", l1),
          weighted_sum_case(),
          deep_supervision_case()};
}

}  // namespace pixelgrad
