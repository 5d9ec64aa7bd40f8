#include "apps/engine/loss_recipe.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <utility>

#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/region_loss.h"

namespace pixelgrad {
namespace {

struct NamedLoss {
  const char* name;
  Tensor (*loss)(const Tensor& logits, const Tensor& labels, const LossOptions& options);
};

/// The options in the spec that a loss takes.
template <class Spec, Tensor (*op)(const Tensor&, const Tensor&, const Spec&)>
Tensor with_options(const Tensor& logits, const Tensor& labels, const LossOptions& options) {
  Spec spec;
  spec.ignore_index = options.ignore_index;
  spec.class_weights = options.class_weights;
  if constexpr (requires { spec.label_smoothing; }) spec.label_smoothing = options.label_smoothing;
  return op(logits, labels, spec);
}

constexpr NamedLoss losses[] = {
    {"cross_entropy", with_options<CrossEntropySpec, cross_entropy>},
    {"focal", with_options<FocalLossSpec, focal_loss>},
    {"ohem", with_options<OhemSpec, ohem_cross_entropy>},
    {"dice", with_options<RegionLossSpec, dice_loss>},
    {"jaccard", with_options<RegionLossSpec, jaccard_loss>},
    {"tversky", with_options<TverskyLossSpec, tversky_loss>},
    {"lovasz", with_options<LovaszSoftmaxSpec, lovasz_softmax>},
};

const NamedLoss& find_loss(const std::string& name) {
  for (const NamedLoss& loss : losses)
    if (name == loss.name) return loss;
  std::string known;
  for (const NamedLoss& loss : losses) known += str(known.empty() ? "" : ", ", loss.name);
  throw UsageError(str("[train] unknown loss '", name, "', expected ", known,
                       " or a sum such as cross_entropy+0.5*dice"));
}

LossTerm parse_term(const std::string& text) {
  const size_t star = text.find('*');
  if (star == std::string::npos) return {1, find_loss(text).name};
  double weight = 0;
  const char* end = text.data() + star;
  const auto [stop, error] = std::from_chars(text.data(), end, weight);
  check<UsageError>(error == std::errc() && stop == end && weight > 0 && std::isfinite(weight),
                    "[train] weight '", text.substr(0, star), "' in the loss '", text,
                    "', expected a positive number");
  return {weight, find_loss(text.substr(star + 1)).name};
}

}  // namespace

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const NamedLoss& loss : losses) names.emplace_back(loss.name);
  return names;
}

std::vector<LossTerm> parse_loss(const std::string& text) {
  std::vector<LossTerm> terms;
  std::istringstream parts(text + "+");  // so that an empty last part is read
  for (std::string part; std::getline(parts, part, '+');) terms.push_back(parse_term(part));
  return terms;
}

LabelLoss make_label_loss(const std::vector<LossTerm>& terms, const LossOptions& options) {
  const bool smoothed = std::any_of(terms.begin(), terms.end(), [](const LossTerm& term) {
    return term.name == "cross_entropy";
  });
  check<UsageError>(options.label_smoothing == 0 || smoothed, "[train] label smoothing ",
                    options.label_smoothing, " is for cross_entropy, which is not in the loss");
  return [terms, options](const Tensor& logits, const Tensor& labels) {
    std::vector<Weighted> values;
    for (const LossTerm& term : terms)
      values.push_back({term.weight, find_loss(term.name).loss(logits, labels, options)});
    // A single loss stays as it is: a run with cross_entropy alone has no op more than it needs.
    return values.size() == 1 && values[0].weight == 1 ? values[0].value : weighted_sum(values);
  };
}

Tensor output_loss(const ModelOutput& out, const Tensor& labels, const LabelLoss& loss) {
  if (!out.aux) return loss(out.logits, labels);
  return deep_supervision({{1, out.logits}, {out.aux_weight, out.aux}}, labels, loss);
}

}  // namespace pixelgrad
