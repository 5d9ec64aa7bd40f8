#include "apps/engine/candidates.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "apps/engine/recipe_flags.h"
#include "models/registry.h"
#include "tensor/kernels/conv2d.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

struct Setting {
  std::string key, value;
};

/// A run before the grid is laid over it.
struct Base {
  std::string name = {}, what = {};  ///< `what` names it in messages
  TrainConfig config = {};
  std::vector<Setting> own = {};
};

/// One line of the grid.
struct Axis {
  std::string key;
  std::vector<std::string> values = {};
  struct Range {
    double low, high;
    bool whole;
  };
  std::optional<Range> range = {};
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::string item;
  for (std::istringstream stream(text); std::getline(stream, item, separator);) out.push_back(item);
  return out;
}

template <class Names>
std::string joined(const Names& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Setting parse_setting(const std::string& text, const std::string& where) {
  const size_t equals = text.find('=');
  check<UsageError>(equals != std::string::npos && equals > 0 && equals + 1 < text.size(),
                    "[compare] ", where, ": '", text, "', expected NAME=VALUE");
  Setting out{text.substr(0, equals), text.substr(equals + 1)};
  std::replace(out.key.begin(), out.key.end(), '-', '_');
  return out;
}

/// The fields of TrainConfig that choose the images that are scored.
const std::set<std::string>& data_fields() {
  static const std::set<std::string> fields{"data",        "format",     "labels", "prune_specks",
                                            "label_cache", "split_rule", "size"};
  return fields;
}

/// The fields of TrainConfig that runs of one comparison may differ in: all that leave the images
/// alone which they are scored on.
const std::set<std::string>& recipe_fields() {
  static const std::set<std::string> fields = [] {
    std::set<std::string> out;
    const auto config = nlohmann::json::parse(to_json(TrainConfig()));
    for (const auto& [name, value] : config.items()) out.insert(name);
    for (const std::string& name : data_fields()) out.erase(name);
    out.erase("model_options");
    return out;
  }();
  return fields;
}

/// Reads a field of the config exactly as its flag on the command line is read.
void set_field(TrainConfig& config, const Setting& s, const std::string& where) {
  RecipeFlags flags{.config = config};
  CLI::App app;
  flags.bind(app);
  app.add_option("--conv-algo", flags.config.conv_algo)
      ->check(CLI::IsMember(kernels::conv_algorithms()));
  app.add_option("--precision", flags.config.precision)
      ->check(CLI::IsMember(kernels::precisions()));
  const std::string flag = flag_of(s.key);
  const auto numbers = static_cast<size_t>(app.get_option(flag)->get_expected_min());
  std::vector<std::string> args{flag + "=" + s.value};
  if (numbers > 1) {
    args = split(s.value, 'x');
    check<UsageError>(args.size() == numbers, "[compare] ", where, ": ", s.key, "=", s.value,
                      ", expected ", numbers, " numbers with an x between them, such as 256x512");
    args.insert(args.begin(), flag);
  }
  std::reverse(args.begin(), args.end());  // the order that CLI11 takes them in
  try {
    app.parse(args);
  } catch (const CLI::ParseError& e) {
    throw UsageError(str("[compare] ", where, ": ", e.what()));
  }
  config = flags.config;
}

/// The options in the common recipe that are this network's.
void keep_own_options(TrainConfig& config) {
  const ModelInfo& info = model_info(config.model);
  std::erase_if(config.model_options, [&](const auto& given) {
    return std::none_of(info.options.begin(), info.options.end(),
                        [&](const ModelOption& o) { return o.name == given.first; });
  });
}

/// `config.model` is the run's network already.
void apply(TrainConfig& config, const Setting& s, const std::string& where) {
  if (s.key == "model") return;
  if (recipe_fields().contains(s.key)) return set_field(config, s, where);
  check<UsageError>(!data_fields().contains(s.key), "[compare] ", where, ": ", s.key,
                    " is the same for all runs, which are scored on one data set");
  std::vector<std::string> options;
  for (const ModelOption& o : model_info(config.model).options) options.push_back(o.name);
  check<UsageError>(std::find(options.begin(), options.end(), s.key) != options.end(), "[compare] ",
                    where, ": unknown setting '", s.key,
                    "', expected one of: ", joined(recipe_fields()), "; or of ", config.model, ": ",
                    options.empty() ? "none" : joined(options));
  config.model_options[s.key] = s.value;
}

bool name_letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || (c && std::strchr("._-+=,", c));
}

/// The settings as a part of a folder's name.
std::string settings_name(const std::vector<Setting>& settings) {
  std::string out;
  for (const Setting& s : settings) {
    if (s.key == "model") continue;
    out += "_" + s.key + "=" + s.value;
  }
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !name_letter(c); }, '-');
  return out;
}

Base parse_run(const std::string& text, const TrainConfig& common) {
  Base out{.what = "--run '" + text + "'", .config = common};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.back() == ':' && out.name.empty() && out.own.empty()) {
      out.name = word.substr(0, word.size() - 1);
      check<UsageError>(!out.name.empty() && out.name[0] != '.' &&
                            std::all_of(out.name.begin(), out.name.end(), name_letter),
                        "[compare] ", out.what, ": name '", out.name,
                        "', expected letters, digits and . _ - + = ,");
      continue;
    }
    out.own.push_back(parse_setting(word, out.what));
    for (size_t i = 0; i + 1 < out.own.size(); ++i)
      check<UsageError>(out.own[i].key != out.own.back().key, "[compare] ", out.what, ": ",
                        out.own[i].key, " is given twice");
  }
  for (const Setting& s : out.own)
    if (s.key == "model") out.config.model = s.value;
  keep_own_options(out.config);
  for (const Setting& s : out.own) apply(out.config, s, out.what);
  if (out.name.empty()) out.name = out.config.model + settings_name(out.own);
  return out;
}

/// Every model and run; and each option of the common recipe must be somebody's.
std::vector<Base> parse_bases(const CandidateRequest& request) {
  std::vector<Base> out;
  std::vector<std::string> models = request.models;
  if (models.empty() && request.runs.empty()) models.push_back(request.common.model);
  for (const std::string& model : models) {
    out.push_back({.name = model, .what = model, .config = request.common});
    out.back().config.model = model;
    keep_own_options(out.back().config);
  }
  for (const std::string& run : request.runs) out.push_back(parse_run(run, request.common));
  for (const auto& [option, value] : request.common.model_options)
    check<UsageError>(std::any_of(out.begin(), out.end(),
                                  [&option = option](const Base& b) {
                                    return b.config.model_options.contains(option);
                                  }),
                      "[compare] no network here has the option '", option, "'");
  return out;
}

double parse_end(const std::string& text, const std::string& where) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  check<UsageError>(read.ec == std::errc() && read.ptr == end && value > 0 && std::isfinite(value),
                    "[compare] ", where, ": '", text, "', expected a number above 0");
  return value;
}

Axis parse_axis(const std::string& text, bool random) {
  const std::string where = "--grid " + text;
  const Setting s = parse_setting(text, where);
  check<UsageError>(s.key != "model", "[compare] ", where, ": models are given with --models");
  Axis out{.key = s.key};
  if (const size_t dots = s.value.find(".."); dots != std::string::npos) {
    check<UsageError>(random, "[compare] ", where, ": a range needs --random N");
    const std::string low = s.value.substr(0, dots), high = s.value.substr(dots + 2);
    const auto digits = [](const std::string& t) {
      return t.find_first_not_of("0123456789") == std::string::npos;
    };
    out.range = {parse_end(low, where), parse_end(high, where), digits(low) && digits(high)};
    check<UsageError>(out.range->low < out.range->high, "[compare] ", where,
                      ": expected the lower end first");
    return out;
  }
  out.values = split(s.value, s.value.find(';') != std::string::npos ? ';' : ',');
  for (const std::string& value : out.values)
    check<UsageError>(!value.empty(), "[compare] ", where, ": an empty value");
  return out;
}

std::vector<Axis> parse_grid(const CandidateRequest& request, const std::vector<Base>& bases) {
  std::vector<Axis> out;
  for (const std::string& text : request.grid) {
    Axis axis = parse_axis(text, request.random > 0);
    for (const Axis& other : out)
      check<UsageError>(other.key != axis.key, "[compare] --grid ", text, ": ", axis.key,
                        " is given twice");
    for (const Base& base : bases)
      for (const Setting& s : base.own)
        check<UsageError>(s.key != axis.key, "[compare] --grid ", text, ": ", base.what, " gives ",
                          s.key, " too");
    out.push_back(std::move(axis));
  }
  return out;
}

using Point = std::vector<Setting>;

/// The point of a grid without ranges that has this number.
Point point_of(const std::vector<Axis>& grid, int64_t number) {
  Point out(grid.size());
  for (size_t i = grid.size(); i-- > 0;) {
    const auto count = static_cast<int64_t>(grid[i].values.size());
    out[i] = {grid[i].key, grid[i].values[static_cast<size_t>(number % count)]};
    number /= count;
  }
  return out;
}

std::string draw(const Axis& axis, Random& random) {
  if (!axis.range)
    return axis.values[static_cast<size_t>(random.below(static_cast<int64_t>(axis.values.size())))];
  const auto [low, high, whole] = *axis.range;
  if (whole) {  // each whole number has as much of the logarithm as lies half way to its neighbours
    const double value = std::exp(random.uniform(std::log(low - 0.5), std::log(high + 0.5)));
    return std::to_string(static_cast<int64_t>(std::clamp(std::round(value), low, high)));
  }
  char text[32];  // three digits, so that names stay short; the run gets what the name says
  std::snprintf(text, sizeof text, "%.3g", std::exp(random.uniform(std::log(low), std::log(high))));
  return text;
}

constexpr int64_t most_points = 10000;

std::vector<Point> grid_points(const CandidateRequest& request, const std::vector<Axis>& grid) {
  int64_t size = 1;
  bool ranges = false;
  for (const Axis& axis : grid) {
    ranges = ranges || axis.range;
    if (!axis.range)
      size = std::min(size * static_cast<int64_t>(axis.values.size()), most_points + 1);
  }
  std::vector<Point> out;
  if (request.random == 0) {
    check<UsageError>(size <= most_points, "[compare] the grid has more than ", most_points,
                      " points; --random N draws some");
    for (int64_t i = 0; i < size; ++i) out.push_back(point_of(grid, i));
    return out;
  }
  check<UsageError>(!grid.empty(), "[compare] --random ", request.random,
                    " draws from a grid, expected --grid NAME=VALUES as well");
  check<UsageError>(ranges || request.random <= size, "[compare] --random ", request.random,
                    ", expected at most the ", size, " points of the grid");
  Random random({.seed = request.common.seed, .stream = stream_of("compare.random")});
  std::set<std::string> seen;
  // Enough to meet every point of a grid that is drawn to its end, unless a range is very narrow.
  int64_t left = 1000 * request.random + 1000;
  while (static_cast<int64_t>(out.size()) < request.random) {
    check<UsageError>(left-- > 0, "[compare] --random ", request.random, ": only ", out.size(),
                      " different points were found in the grid");
    Point point;
    for (const Axis& axis : grid) point.push_back({axis.key, draw(axis, random)});
    if (seen.insert(settings_name(point)).second) out.push_back(std::move(point));
  }
  return out;
}

}  // namespace

std::vector<Candidate> make_candidates(const CandidateRequest& request) {
  const std::vector<Base> bases = parse_bases(request);
  const std::vector<Axis> grid = parse_grid(request, bases);
  std::vector<Candidate> out;
  std::set<std::string> names;
  for (const Base& base : bases)
    for (const Point& point : grid_points(request, grid)) {
      Candidate c{base.name + settings_name(point), base.config};
      for (const Setting& s : point) apply(c.config, s, str("--grid ", s.key, " of ", base.what));
      check<UsageError>(names.insert(c.name).second, "[compare] two runs are called ", c.name);
      out.push_back(std::move(c));
    }
  return out;
}

}  // namespace pixelgrad
