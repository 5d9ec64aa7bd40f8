// softmax, log_softmax, cross_entropy and mse.
#include "autograd/op_cases/internal.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/log_softmax.h"
#include "autograd/ops/mse.h"

namespace pixelgrad {
namespace {

OpCase over_classes(std::string name, Tensor (*op_function)(const Tensor&)) {
  const auto call = [op_function](const std::vector<Tensor>& in) { return op_function(in[0]); };
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"logits"};
  op.samples = {
      {"2 classes, one pixel", normals({{1, 1, 1, 2}}), call},
      {"3 classes", normals({{2, 3, 5, 3}}), call},
      {"17 classes", normals({{1, 3, 3, 17}}), call},
      {"rows of a matrix", normals({{5, 4}}), call},
      {"several tiles", normals({{2, 33, 35, 19}}), call},
  };
  op.errors = {
      {"labels",
       [op_function] {
         op_function(Tensor::zeros({2, 2}, Dtype::i32));
       },
       "i32"},
      {"undefined", [op_function] { op_function(Tensor()); }, "input is undefined"},
      {"a scalar", [op_function] { op_function(zeros({})); }, "expected classes"},
  };
  return op;
}

OpSample loss(std::string name, Shape logits, int64_t ignored, std::vector<double> weights,
              double smoothing) {
  const Shape pixels(logits.begin(), logits.end() - 1);
  const int64_t classes = logits.back();
  return {std::move(name), normals({std::move(logits)}), [=](const std::vector<Tensor>& in) {
            const Tensor labels = random_labels(pixels, classes, ignored, in[0]);
            return cross_entropy(
                in[0], labels,
                {.ignore_index = 255,
                 .class_weights = weights.empty() ? Tensor() : captured(weights, in[0]),
                 .label_smoothing = smoothing});
          }};
}

OpCase cross_entropy_case() {
  OpCase op;
  op.name = "cross_entropy";
  op.inputs = {"logits"};
  op.samples = {
      loss("2 classes, one pixel", {1, 1, 1, 2}, 0, {}, 0),
      loss("3 classes", {2, 3, 5, 3}, 0, {}, 0),
      loss("17 classes, ignored pixels", {2, 3, 4, 17}, 5, {}, 0),
      loss("class weights, ignored pixels", {2, 3, 4, 3}, 4, {0.5, 2, 1.25}, 0),
      loss("label smoothing", {1, 4, 3, 5}, 2, {}, 0.1),
      loss("label smoothing and class weights", {1, 4, 3, 3}, 2, {0.5, 2, 1.25}, 0.1),
      loss("several tiles", {2, 33, 35, 19}, 40, {}, 0),
  };
  const auto with_label = [](int32_t label) {
    return [label] {
      cross_entropy(zeros({1, 1, 2, 3}), Tensor::from<int32_t>({1, 1, 2}, {0, label}),
                    {.ignore_index = 255});
    };
  };
  op.errors = {
      {"label too large", with_label(3), "3"},
      {"negative label", with_label(-1), "-1"},
      {"smoothing over 1",
       [] {
         cross_entropy(zeros({1, 1, 1, 3}), Tensor::zeros({1, 1, 1}, Dtype::i32),
                       {.label_smoothing = 1.5});
       },
       "label_smoothing is 1.5"},
      {"class weights of another size",
       [] {
         cross_entropy(zeros({1, 1, 1, 3}), Tensor::zeros({1, 1, 1}, Dtype::i32),
                       {.class_weights = zeros({2})});
       },
       "class_weights are [2], expected [3]"},
      {"labels of another size",
       [] {
         cross_entropy(zeros({1, 2, 2, 3}), Tensor::zeros({1, 2, 3}, Dtype::i32), {});
       },
       "[1,2,3]"},
      {"labels that are not integers",
       [] {
         cross_entropy(zeros({1, 2, 2, 3}), zeros({1, 2, 2}), {});
       },
       "f64"},
  };
  return op;
}

OpCase mse_case() {
  const auto call = [](const std::vector<Tensor>& in) { return mse(in[0], in[1]); };
  OpCase op;
  op.name = "mse";
  op.inputs = {"x", "target"};
  op.samples = {
      {"a scalar", normals({{}, {}}), call},
      {"one value", normals({{1}, {1}}), call},
      {"3 channels", normals({{2, 3, 5, 3}, {2, 3, 5, 3}}), call},
      {"several tiles", normals({{2, 65, 67, 5}, {2, 65, 67, 5}}), call},
  };
  op.errors = {
      {"other shapes",
       [] {
         mse(zeros({2, 3}), zeros({3, 2}));
       },
       "[3,2]"},
      {"mixed dtypes", [] { mse(zeros({2}), Tensor::zeros({2}, Dtype::f32)); }, "f32"},
  };
  return op;
}

}  // namespace

std::vector<OpCase> loss_cases() {
  return {over_classes("softmax", softmax), over_classes("log_softmax", log_softmax),
          cross_entropy_case(), mse_case()};
}

}  // namespace pixelgrad
