#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "tensor/tensor.h"

// What PyTorch computed, as tests/reference/make_fixtures.py wrote it down in tests/fixtures/.
namespace pixelgrad::testing {

/// The settings of a case, called as the fields of our specs are. Remembers what was read, so that
/// a test notices a setting that it did not apply.
class Attributes {
 public:
  explicit Attributes(nlohmann::json values) : values_(std::move(values)) {}

  /// Sets `field` where the case has the attribute; leaves the library's default otherwise.
  template <class T>
  void read(const char* name, T& field) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return;
    read_.insert(name);
    field = found->get<T>();
  }
  /// Sets `field` to the value that the attribute names.
  template <class T>
  void read_name(const char* name, T& field, const std::map<std::string, T>& values) const {
    std::string chosen;
    read(name, chosen);
    if (!chosen.empty()) field = values.at(chosen);
  }
  /// An attribute that the case must have.
  template <class T>
  T get(const char* name) const {
    read_.insert(name);
    return values_.at(name).get<T>();
  }
  bool is_text(const char* name) const {
    return values_.contains(name) && values_.at(name).is_string();
  }

  /// All of them, as text.
  std::map<std::string, std::string> texts() const {
    return values_.get<std::map<std::string, std::string>>();
  }

  /// Names of those that were not read so far.
  std::vector<std::string> unread() const;

 private:
  nlohmann::json values_;
  mutable std::set<std::string> read_;
};

using NamedTensors = std::map<std::string, Tensor>;

/// One case: what goes into a call and what PyTorch made of it. Which tensors there are, and what
/// they mean, is said at the top of make_fixtures.py.
struct Fixture {
  std::string name;  ///< "conv2d/dilation_4"
  std::string op;    ///< "conv2d"
  Attributes attributes;
  NamedTensors tensors;                      ///< "out", "inputs/x", ...
  std::map<std::string, double> f32_errors;  ///< PyTorch's own, see l2_error; by tensor

  /// A tensor that the case must have.
  const Tensor& at(const std::string& tensor) const;
  /// The tensors whose names begin with "<group>/", by the rest of their names.
  NamedTensors group(const std::string& group) const;
  /// What an f32 result may be off: half as much again as PyTorch's, or 4 ulp where that is more.
  double f32_tolerance(const std::string& tensor) const;
};

/// For GoogleTest, as the name of a parameter.
void PrintTo(const Fixture& fixture, std::ostream* out);
std::string test_name(const Fixture& fixture);

/// The cases of tests/fixtures/<family>.safetensors, by name.
std::vector<Fixture> read_fixtures(const std::string& family);

/// |got - expected| / |expected| in the L2 norm, in f64; infinite where shapes differ, where a
/// value is NaN, and where `expected` is 0 throughout and `got` is not.
double l2_error(const Tensor& got, const Tensor& expected);

}  // namespace pixelgrad::testing
