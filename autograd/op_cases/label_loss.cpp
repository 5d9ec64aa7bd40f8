// Losses on labels: cross entropies, focal, Dice, Jaccard, Tversky, Lovasz.
#include <algorithm>

#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/binary_cross_entropy.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/region_loss.h"

namespace pixelgrad {
namespace {

template <class Spec>
using LabelLossOp = Tensor (*)(const Tensor& logits, const Tensor& labels, const Spec& spec);

/// Labels in [0, classes), `ignored` of them `ignore_index`.
Tensor make_labels(const Shape& shape, int64_t classes, int64_t ignored = 0,
                   int32_t ignore_index = 255) {
  Tensor labels = random_labels(shape, classes, ignored, Tensor::zeros({}, Dtype::f64));
  int32_t* values = labels.mutable_data<int32_t>();
  std::replace(values, values + labels.numel(), 255, ignore_index);
  return labels;
}

/// A call of `op`; the weights become the spec's, in the dtype of the logits.
template <class Spec>
OpSample with_arguments(std::string name, LabelLossOp<Spec> op, MakeInputs inputs,
                        LabelLossArguments<Spec> arguments) {
  return {std::move(name), std::move(inputs),
          [op, arguments](const std::vector<Tensor>& in) {
            Spec spec = arguments.spec;
            if (!arguments.weights.empty()) {
              Tensor weights = captured(arguments.weights, in[0]);
              if constexpr (requires { spec.class_weights; })
                spec.class_weights = weights;
              else
                spec.pos_weight = weights;
            }
            return op(in[0], arguments.labels.to(in[0].device()), spec);
          },
          arguments};
}

/// What the call of a loss of logits [...,K] and labels [...] has beside its spec.
struct Given {
  int64_t ignored = 0;  ///< pixels
  std::vector<double> weights = {};
  int64_t labelled_classes = 0;  ///< labels are below this; 0: K
};

template <class Spec>
OpSample label_loss(std::string name, LabelLossOp<Spec> op, Shape logits, Spec spec = {},
                    Given given = {}) {
  const Shape pixels(logits.begin(), logits.end() - 1);
  const int64_t classes = given.labelled_classes ? given.labelled_classes : logits.back();
  Tensor labels = make_labels(pixels, classes, given.ignored, spec.ignore_index);
  return with_arguments<Spec>(std::move(name), op, normals({std::move(logits)}),
                              {labels, spec, given.weights});
}

/// What every loss on labels must cope with.
template <class Spec>
std::vector<OpSample> usual_samples(LabelLossOp<Spec> op) {
  const auto sample = [op](std::string name, Shape logits, Given given, int32_t ignore_index) {
    Spec spec;
    spec.ignore_index = ignore_index;
    return label_loss(std::move(name), op, std::move(logits), spec, std::move(given));
  };
  return {
      sample("2 classes, one pixel", {1, 1, 1, 2}, {}, 255),
      sample("3 classes", {2, 3, 5, 3}, {}, 255),
      sample("17 classes, ignored pixels", {2, 3, 4, 17}, {.ignored = 5}, 255),
      sample("rows of a matrix", {7, 4}, {}, 255),
      sample("class weights, ignored pixels", {2, 3, 4, 3},
             {.ignored = 4, .weights = {0.5, 2, 1.25}}, 255),
      sample("ignore_index -1", {1, 4, 3, 5}, {.ignored = 2}, -1),
      sample("ignore_index is a class", {1, 4, 3, 5}, {}, 0),
  };
}

template <class Spec>
OpCase label_loss_case(std::string name, LabelLossOp<Spec> op_function) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"logits"};
  op.saved_bytes = [](const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) { return numel(inputs[0]) * element; };
  op.samples = usual_samples(op_function);
  const auto call = [op_function](Shape logits, Tensor labels, Tensor weights = {}) {
    return [=] {
      Spec spec;
      spec.class_weights = weights;
      op_function(zeros(logits), labels, spec);
    };
  };
  const auto with_label = [&](int32_t label) {
    return call({1, 1, 2, 3}, Tensor::from<int32_t>({1, 1, 2}, {0, label}));
  };
  const std::string prefix = "[" + op.name + "] ";
  op.errors = {
      {"label too large", with_label(3),
       prefix + "label 3 at [0,0,1] of labels [1,1,2], expected 0 to 2 or ignore_index 255"},
      {"negative label", with_label(-1), prefix + "label -1 at [0,0,1]"},
      {"class weights of another size",
       call({1, 1, 1, 3}, Tensor::zeros({1, 1, 1}, Dtype::i32), zeros({2})),
       prefix + "class_weights are [2], expected [3] (logits [1,1,1,3])"},
      {"labels of another size", call({1, 2, 2, 3}, Tensor::zeros({1, 2, 3}, Dtype::i32)),
       prefix + "labels are [1,2,3], expected [1,2,2]"},
      {"labels that are not integers", call({1, 2, 2, 3}, zeros({1, 2, 2})),
       prefix + "labels hold f64, expected i32"},
      {"logits without classes", call({}, Tensor::zeros({}, Dtype::i32)),
       prefix + "logits are [], expected classes"},
  };
  return op;
}

/// Adds a call that must fail because of its spec.
template <class Spec>
void add_error(OpCase& op, LabelLossOp<Spec> op_function, std::string name, Spec spec,
               const std::string& message) {
  op.errors.push_back(
      {std::move(name),
       [=] {
         op_function(zeros({1, 1, 1, 3}), Tensor::zeros({1, 1, 1}, Dtype::i32), spec);
       },
       "[" + op.name + "] " + message});
}

OpCase cross_entropy_case() {
  using Spec = CrossEntropySpec;
  OpCase op = label_loss_case<Spec>("cross_entropy", cross_entropy);
  const auto add = [&](std::string name, Shape logits, Spec spec, Given given = {}) {
    op.samples.push_back(label_loss<Spec>(std::move(name), cross_entropy, std::move(logits),
                                          std::move(spec), std::move(given)));
  };
  add("label smoothing", {1, 4, 3, 5}, {.label_smoothing = 0.1}, {.ignored = 2});
  add("label smoothing and class weights", {1, 4, 3, 3}, {.label_smoothing = 0.2},
      {.ignored = 2, .weights = {0.5, 2, 1.25}});
  add("all of the target spread", {1, 2, 3, 4}, {.label_smoothing = 1});
  add("several tiles", {1, 33, 35, 29}, {}, {.ignored = 40});
  add_error<Spec>(op, cross_entropy, "smoothing over 1", {.label_smoothing = 1.5},
                  "label_smoothing is 1.5, expected 0 to 1");
  return op;
}

OpCase focal_loss_case() {
  using Spec = FocalLossSpec;
  OpCase op = label_loss_case<Spec>("focal_loss", focal_loss);
  const auto add = [&](std::string name, Shape logits, Spec spec, Given given = {}) {
    op.samples.push_back(label_loss<Spec>(std::move(name), focal_loss, std::move(logits),
                                          std::move(spec), std::move(given)));
  };
  add("gamma 0", {1, 4, 3, 5}, {.gamma = 0}, {.ignored = 2});
  add("gamma 1/2", {1, 4, 3, 5}, {.gamma = 0.5});
  add("gamma 5 and class weights", {2, 3, 3, 3}, {.gamma = 5}, {.weights = {0.25, 0.75, 2}});
  add("several tiles", {1, 33, 35, 29}, {}, {.ignored = 40});
  add_error<Spec>(op, focal_loss, "negative gamma", {.gamma = -1},
                  "gamma is -1, expected at least 0");
  return op;
}

/// Logits whose pixels are, in turn, very hard, hard and easy: p[label] is near 0.03, 0.4 or 0.95
/// for few classes, so that small steps make no pixel change sides.
MakeInputs graded(Shape logits, const Tensor& labels) {
  return [=](uint64_t seed) {
    std::vector<Tensor> inputs = normals({logits})(seed);
    const int64_t classes = logits.back();
    double* z = inputs[0].mutable_data<double>();
    for (int64_t p = 0; p < labels.numel(); ++p) {
      for (int64_t k = 0; k < classes; ++k) z[p * classes + k] *= 0.2;
      const int32_t label = labels.data<int32_t>()[p];
      if (label >= 0 && label < classes)
        z[p * classes + label] += p % 3 == 0 ? -3 : p % 3 == 1 ? 0 : 4;
    }
    return inputs;
  };
}

OpCase ohem_case() {
  using Spec = OhemSpec;
  OpCase op = label_loss_case<Spec>("ohem_cross_entropy", ohem_cross_entropy);
  op.has_kinks = true;
  const auto add = [&](std::string name, Shape logits, Spec spec, Given given = {}) {
    const Shape pixels(logits.begin(), logits.end() - 1);
    const Tensor labels = make_labels(pixels, logits.back(), given.ignored, spec.ignore_index);
    op.samples.push_back(with_arguments<Spec>(std::move(name), ohem_cross_entropy,
                                              graded(std::move(logits), labels),
                                              {labels, std::move(spec), std::move(given.weights)}));
  };
  add("the hard below the threshold", {2, 3, 5, 3}, {.min_kept = 1});
  add("ignored pixels and class weights", {2, 3, 5, 3}, {.min_kept = 1},
      {.ignored = 5, .weights = {0.5, 2, 1.25}});
  add("the 20 hardest", {2, 3, 5, 3}, {.threshold = 0.1, .min_kept = 20});
  add("the 10 hardest, none below the threshold", {2, 3, 5, 3}, {.threshold = 0, .min_kept = 10});
  add("several tiles", {1, 103, 109, 3}, {.min_kept = 100}, {.ignored = 40});
  add_error<Spec>(op, ohem_cross_entropy, "threshold over 1", {.threshold = 1.5},
                  "threshold is 1.5, expected 0 to 1");
  add_error<Spec>(op, ohem_cross_entropy, "negative min_kept", {.min_kept = -1},
                  "min_kept is -1, expected at least 0");
  return op;
}

OpCase binary_cross_entropy_case() {
  using Spec = BinaryCrossEntropySpec;
  OpCase op;
  op.name = "binary_cross_entropy_with_logits";
  op.inputs = {"logits"};
  op.saved_bytes = [](const OpSample&, const std::vector<Shape>& inputs, const Shape&,
                      int64_t element) { return numel(inputs[0]) * element; };
  const auto add = [&](std::string name, const Shape& logits, const Shape& labels, Spec spec = {},
                       Given given = {}, double spread = 1) {
    const MakeInputs inputs = [logits, spread](uint64_t seed) {
      std::vector<Tensor> in = normals({logits})(seed);
      for (int64_t i = 0; i < in[0].numel(); ++i) in[0].mutable_data<double>()[i] *= spread;
      return in;
    };
    op.samples.push_back(with_arguments<Spec>(
        std::move(name), binary_cross_entropy_with_logits, inputs,
        {make_labels(labels, 2, given.ignored, spec.ignore_index), spec, given.weights}));
  };
  add("one pixel", {1, 1, 1, 1}, {1, 1, 1});
  add("a mask", {2, 3, 5, 1}, {2, 3, 5});
  add("a mask with a channel", {2, 3, 5, 1}, {2, 3, 5, 1});
  add("3 channels", {2, 3, 5, 3}, {2, 3, 5, 3});
  add("17 channels, ignored pixels", {1, 3, 3, 17}, {1, 3, 3, 17}, {}, {.ignored = 20});
  add("pos_weight", {2, 3, 4, 3}, {2, 3, 4, 3}, {}, {.ignored = 7, .weights = {0.5, 3, 1}});
  add("ignore_index is label 0", {2, 3, 4, 1}, {2, 3, 4}, {.ignore_index = 0});
  add("large logits", {2, 3, 5, 1}, {2, 3, 5}, {}, {}, 10);
  add("several tiles", {1, 103, 109, 3}, {1, 103, 109, 3}, {}, {.ignored = 40});
  const auto call = [](Shape logits, Tensor labels, Tensor pos_weight = {}) {
    return [=] {
      binary_cross_entropy_with_logits(zeros(logits), labels, {.pos_weight = pos_weight});
    };
  };
  op.errors = {
      {"label 2", call({1, 1, 2, 1}, Tensor::from<int32_t>({1, 1, 2}, {0, 2})),
       "[binary_cross_entropy_with_logits] label 2 at [0,0,1] of labels [1,1,2], expected 0 to 1 "
       "or ignore_index 255"},
      {"a mask for several channels", call({1, 2, 2, 3}, Tensor::zeros({1, 2, 2}, Dtype::i32)),
       "[binary_cross_entropy_with_logits] labels are [1,2,2], expected [1,2,2,3]"},
      {"pos_weight of another size",
       call({1, 2, 2, 1}, Tensor::zeros({1, 2, 2}, Dtype::i32), zeros({2})),
       "[binary_cross_entropy_with_logits] pos_weight is [2], expected [1]"},
      {"labels that are not integers", call({1, 2, 2, 1}, zeros({1, 2, 2})),
       "labels hold f64, expected i32"},
      {"undefined labels", call({1, 2, 2, 1}, {}), "labels hold nothing, expected i32"},
  };
  return op;
}

/// What Dice, Jaccard and Tversky losses have in common.
template <class Spec>
OpCase region_loss_case(std::string name, LabelLossOp<Spec> op_function) {
  OpCase op = label_loss_case<Spec>(std::move(name), op_function);
  const auto add = [&](std::string name, Shape logits, Spec spec, Given given = {}) {
    op.samples.push_back(label_loss<Spec>(std::move(name), op_function, std::move(logits),
                                          std::move(spec), std::move(given)));
  };
  add("absent classes", {1, 4, 3, 5}, {}, {.ignored = 2, .labelled_classes = 3});
  add("mean over the present classes", {1, 4, 3, 5}, {.mean_over = ClassMean::present},
      {.weights = {0.5, 2, 1.25, 1, 3}, .labelled_classes = 3});
  add("log loss", {1, 4, 3, 4}, {.log_loss = true}, {.ignored = 2});
  add("smooth", {1, 4, 3, 4}, {.smooth = 1.5}, {.ignored = 2});
  add("divisor below eps", {1, 2, 2, 3}, {.eps = 50});
  add("several tiles", {1, 33, 35, 29}, {}, {.ignored = 40});
  add_error<Spec>(op, op_function, "negative smooth", {.smooth = -1},
                  "smooth is -1 and eps 1e-07, expected at least 0 and more than 0");
  add_error<Spec>(op, op_function, "eps 0", {.eps = 0}, "smooth is 0 and eps 0");
  return op;
}

OpCase tversky_case() {
  using Spec = TverskyLossSpec;
  OpCase op = region_loss_case<Spec>("tversky_loss", tversky_loss);
  const auto add = [&](std::string name, Spec spec) {
    op.samples.push_back(label_loss<Spec>(std::move(name), tversky_loss, {2, 3, 4, 3},
                                          std::move(spec), {.ignored = 3}));
  };
  add("alpha 0.3, beta 0.7", {.alpha = 0.3, .beta = 0.7});
  add("alpha 0", {.alpha = 0, .beta = 1});
  add("gamma 4/3", {.smooth = 0.5, .alpha = 0.3, .beta = 0.7, .gamma = 4.0 / 3});
  add("gamma 3/4", {.alpha = 0.7, .beta = 0.3, .gamma = 0.75});
  add_error<Spec>(op, tversky_loss, "negative alpha", {.alpha = -1},
                  "alpha is -1 and beta 0.5, expected at least 0");
  add_error<Spec>(op, tversky_loss, "gamma 0", {.gamma = 0}, "gamma is 0, expected more than 0");
  return op;
}

OpCase lovasz_case() {
  using Spec = LovaszSoftmaxSpec;
  OpCase op = label_loss_case<Spec>("lovasz_softmax", lovasz_softmax);
  op.has_kinks = true;
  const auto add = [&](std::string name, Shape logits, Spec spec, Given given = {}) {
    op.samples.push_back(label_loss<Spec>(std::move(name), lovasz_softmax, std::move(logits),
                                          std::move(spec), std::move(given)));
  };
  add("absent classes", {1, 4, 3, 5}, {}, {.labelled_classes = 3});
  add("mean over all classes", {1, 4, 3, 5}, {.mean_over = ClassMean::all},
      {.ignored = 2, .weights = {0.5, 2, 1.25, 1, 3}, .labelled_classes = 3});
  add("per image", {3, 2, 4, 3}, {.per_image = true}, {.ignored = 4});
  add("per image, mean over all classes", {3, 2, 2, 4},
      {.mean_over = ClassMean::all, .per_image = true}, {.labelled_classes = 3});
  add("several images and classes at once", {4, 4, 5, 6}, {.per_image = true}, {.ignored = 7});
  op.errors.push_back(
      {"images that are not there",
       [] { lovasz_softmax(zeros({3}), Tensor::zeros({}, Dtype::i32), {.per_image = true}); },
       "[lovasz_softmax] per_image needs images [N,...,K], got logits [3]"});
  return op;
}

}  // namespace

std::vector<OpCase> label_loss_cases() {
  return {cross_entropy_case(),
          focal_loss_case(),
          ohem_case(),
          binary_cross_entropy_case(),
          region_loss_case<RegionLossSpec>("dice_loss", dice_loss),
          region_loss_case<RegionLossSpec>("jaccard_loss", jaccard_loss),
          tversky_case(),
          lovasz_case()};
}

}  // namespace pixelgrad
