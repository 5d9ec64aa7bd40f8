#include "tests/support/fixtures.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "models/safetensors.h"

namespace pixelgrad::testing {

std::vector<std::string> Attributes::unread() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_.items())
    if (!read_.contains(name)) names.push_back(name);
  return names;
}

const Tensor& Fixture::at(const std::string& tensor) const {
  const auto found = tensors.find(tensor);
  check(found != tensors.end(), "[fixtures] ", name, " has no tensor '", tensor, "'");
  return found->second;
}

NamedTensors Fixture::group(const std::string& group) const {
  NamedTensors members;
  for (const auto& [key, tensor] : tensors)
    if (key.starts_with(group + "/")) members.emplace(key.substr(group.size() + 1), tensor);
  return members;
}

double Fixture::f32_tolerance(const std::string& tensor) const {
  constexpr double ulp = std::numeric_limits<float>::epsilon();
  return std::max(1.5 * f32_errors.at(tensor), 4 * ulp);
}

void PrintTo(const Fixture& fixture, std::ostream* out) { *out << fixture.name; }

std::string test_name(const Fixture& fixture) {
  std::string name = fixture.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

std::vector<Fixture> read_fixtures(const std::string& family) {
  const std::string path = PIXELGRAD_FIXTURES "/" + family + ".safetensors";
  const TensorFile file = read_safetensors(path);
  const auto cases = nlohmann::json::parse(file.metadata.at("fixtures")).at("cases");
  std::vector<Fixture> fixtures;
  for (const auto& [name, described] : cases.items()) {
    Fixture fixture{.name = name,
                    .op = name.substr(0, name.find('/')),
                    .attributes = Attributes(described.at("attributes")),
                    .tensors = {},
                    .f32_errors = described.at("f32_errors").get<std::map<std::string, double>>()};
    const std::string prefix = name + "/";
    for (const NamedTensor& t : file.tensors)
      if (t.name.starts_with(prefix))
        fixture.tensors.emplace(t.name.substr(prefix.size()), t.tensor);
    fixtures.push_back(std::move(fixture));
  }
  return fixtures;
}

double l2_error(const Tensor& got, const Tensor& expected) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (got.shape() != expected.shape()) return infinity;
  const std::vector<double> a = got.to_doubles(), b = expected.to_doubles();
  double error = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  if (error == 0) return 0;
  return norm > 0 && !std::isnan(error) ? std::sqrt(error / norm) : infinity;
}

}  // namespace pixelgrad::testing
