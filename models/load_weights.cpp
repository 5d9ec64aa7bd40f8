#include "models/load_weights.h"

#include <algorithm>
#include <map>

#include "models/input_file.h"

namespace pixelgrad {
namespace {

/// Where each tensor of a file goes.
struct Step {
  size_t entry;
  NamedTensor target;
  bool adapt = false;  ///< to other input channels
};

bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

/// True when shapes are equal but for one size.
bool differ_only_at(const Shape& a, const Shape& b, size_t dim) {
  if (a.size() != b.size() || dim >= a.size() || a[dim] == b[dim]) return false;
  for (size_t d = 0; d < a.size(); ++d)
    if (d != dim && a[d] != b[d]) return false;
  return true;
}

/// [O,H,W,c] -> [O,H,W,n].
Tensor adapt_channels(const Tensor& weight, int64_t n) {
  const int64_t c = weight.shape(3), rows = weight.numel() / c;
  const Tensor in = weight.to(Dtype::f64);
  Tensor out = Tensor::empty({weight.shape(0), weight.shape(1), weight.shape(2), n}, Dtype::f64);
  const double* from = in.data<double>();
  double* to = out.mutable_data<double>();
  const double scale = static_cast<double>(c) / static_cast<double>(n);
  for (int64_t r = 0; r < rows; ++r, from += c, to += n) {
    if (n == 1) {
      *to = 0;
      for (int64_t i = 0; i < c; ++i) *to += from[i];
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = from[i % c] * scale;
    }
  }
  return out.to(weight.dtype());
}

/// The prefix under which most of the file's names are the model's.
std::string find_prefix(const std::map<std::string, NamedTensor>& model, const WeightFile& file) {
  std::string best;
  int64_t most = -1;
  for (const std::string prefix : {"", "backbone.", "encoder."}) {
    const auto matches =
        std::count_if(file.entries().begin(), file.entries().end(),
                      [&](const WeightEntry& e) { return model.contains(prefix + e.name); });
    if (matches > most) {
      most = matches;
      best = prefix;
    }
  }
  return best;
}

std::string join(const std::vector<std::string>& names) {
  constexpr size_t shown = 6;
  std::string text;
  for (size_t i = 0; i < std::min(shown, names.size()); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > shown) text += str(" and ", names.size() - shown, " more");
  return text;
}

/// Sorts the tensors into the report; throws where they cannot be loaded.
std::vector<Step> plan(const SegmentationModel& model, const WeightFile& file, LoadReport& report) {
  const auto fail = [&](const auto&... parts) {
    throw CheckpointError(str("[weights] ", file.path().string(), ": ", parts...));
  };
  std::map<std::string, NamedTensor> targets;
  for (const NamedTensor& t : model.state()) targets.emplace(t.name, t);
  report.prefix = find_prefix(targets, file);

  std::vector<Step> steps;
  std::vector<std::string> wrong;
  for (size_t i = 0; i < file.entries().size(); ++i) {
    const WeightEntry& e = file.entries()[i];
    const auto found = targets.find(report.prefix + e.name);
    if (found == targets.end()) {
      report.unexpected.push_back(plain_name(e.name));
      continue;
    }
    const NamedTensor target = found->second;
    targets.erase(found);
    const Shape shape = to_layout(e.shape, file.layout(), WeightLayout::pixelgrad);
    const Shape& want = target.tensor.shape();
    if (is_floating(dtype_in_memory(e.type)) != is_floating(target.tensor.dtype())) {
      wrong.push_back(
          str(target.name, " holds ", name_of(e.type), ", expected ", target.tensor.dtype()));
    } else if (shape == want) {
      report.loaded.push_back(target.name);
      steps.push_back({i, target});
    } else if (differ_only_at(shape, want, 0) && want[0] == model.config().classes) {
      report.other_classes.push_back({target.name, shape, want});
    } else if (want.size() == 4 && differ_only_at(shape, want, 3) && shape[3] > 0 &&
               want[3] == model.config().in_channels) {
      report.adapted.push_back({target.name, shape, want});
      steps.push_back({i, target, true});
    } else {
      wrong.push_back(str(target.name, " is ", shape, ", expected ", want));
    }
  }
  for (const NamedTensor& t : model.state())  // in its order
    if (targets.contains(t.name)) report.missing.push_back(t.name);
  if (!wrong.empty())
    fail(wrong.size(), wrong.size() == 1 ? " tensor does" : " tensors do", " not fit the model ",
         model.config().name, ": ", join(wrong));
  const auto trained = model.parameters();
  const bool any = std::any_of(steps.begin(), steps.end(), [&](const Step& s) {
    return std::any_of(trained.begin(), trained.end(),
                       [&](const NamedTensor& p) { return p.name == s.target.name; });
  });
  if (!any)
    fail("no parameter of the model ", model.config().name, " is in it; the file has ",
         join(report.unexpected), "; the model has ", join(report.missing));
  return steps;
}

}  // namespace

bool LoadReport::exact() const {
  return adapted.empty() && other_classes.empty() && unexpected.empty() && prefix.empty() &&
         std::all_of(missing.begin(), missing.end(), is_counter);
}

std::string LoadReport::to_string() const {
  std::string text = str("  loaded: ", loaded.size(), " tensors");
  if (!prefix.empty()) text += str(", as ", prefix, "*");
  text += '\n';
  for (const Change& c : adapted)
    text += str("  adapted to ", c.model.back(), " input channels, from ", c.file.back(), ": ",
                c.name, '\n');
  for (const Change& c : other_classes)
    text += str("  left at its initialisation, ", c.file.front(), " classes in the file, ",
                c.model.front(), " in the model: ", c.name, '\n');
  if (!missing.empty())
    text += str("  missing in the file, left at their initialisation: ", missing.size(), ": ",
                join(missing), '\n');
  if (!unexpected.empty())
    text += str("  not in the model, left out: ", unexpected.size(), ": ", join(unexpected), '\n');
  return text;
}

LoadReport load_weights(SegmentationModel& model, WeightFile& file, bool exact) {
  LoadReport report;
  const std::vector<Step> steps = plan(model, file, report);
  if (exact && !report.exact()) {
    std::string what = report.to_string();
    std::replace(what.begin(), what.end(), '\n', ';');
    throw CheckpointError(str("[weights] ", file.path().string(), ": does not fit the model ",
                              model.config().name, " exactly:", what.substr(1, what.size() - 2)));
  }
  for (const Step& s : steps) {
    Tensor value = file.read(s.entry, WeightLayout::pixelgrad);
    if (s.adapt) value = adapt_channels(value, s.target.tensor.shape(3));
    Tensor(s.target.tensor).copy_from(value.to(s.target.tensor.dtype()));
  }
  return report;
}

}  // namespace pixelgrad
