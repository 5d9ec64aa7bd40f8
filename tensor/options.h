#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace pixelgrad {

/// Settings as text, the way they stand on a command line, in a config file or in a checkpoint.
using OptionMap = std::map<std::string, std::string>;

/// Reads typed values out of an OptionMap. Everything that is not valid throws a UsageError that
/// names the option, what was got and what was expected; finish() finds misspelled names.
class OptionReader {
 public:
  /// `owner` names whose options these are in messages: "unet", "schedule poly".
  OptionReader(std::string owner, const OptionMap& options);

  /// The value of `name`, or `fallback` where it is not set. Bounds are inclusive.
  double number(const std::string& name, double fallback, double low, double high);
  int64_t integer(const std::string& name, int64_t fallback, int64_t low, int64_t high);
  bool flag(const std::string& name, bool fallback);  ///< true or false
  std::string choice(const std::string& name, const std::string& fallback,
                     const std::vector<std::string>& valid);
  std::vector<int64_t> integers(const std::string& name);  ///< "30,60,90"; empty where not set

  /// Throws UsageError when an option was given that nobody has asked for, and lists those asked
  /// for.
  void finish() const;

 private:
  const std::string* find(const std::string& name);

  std::string owner_;
  const OptionMap& options_;
  std::set<std::string> known_;
};

/// The shortest text that reads back as exactly this value.
std::string to_text(double value);

}  // namespace pixelgrad
