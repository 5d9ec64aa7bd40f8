#include "tensor/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

/// Reads all of `text` as a T, or returns false.
template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <class List>
std::string join(const List& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

}  // namespace

OptionReader::OptionReader(std::string owner, const OptionMap& options)
    : owner_(std::move(owner)), options_(options) {}

const std::string* OptionReader::find(const std::string& name) {
  known_.insert(name);
  const auto found = options_.find(name);
  return found == options_.end() ? nullptr : &found->second;
}

double OptionReader::number(const std::string& name, double fallback, double low, double high) {
  const std::string* text = find(name);
  if (!text) return fallback;
  double value = 0;
  check<UsageError>(parse(*text, value) && value >= low && value <= high, "[", owner_, "] option ",
                    name, " is '", *text, "', expected a number from ", low, " to ", high);
  return value;
}

int64_t OptionReader::integer(const std::string& name, int64_t fallback, int64_t low,
                              int64_t high) {
  const std::string* text = find(name);
  if (!text) return fallback;
  int64_t value = 0;
  check<UsageError>(parse(*text, value) && value >= low && value <= high, "[", owner_, "] option ",
                    name, " is '", *text, "', expected a whole number from ", low, " to ", high);
  return value;
}

bool OptionReader::flag(const std::string& name, bool fallback) {
  return choice(name, fallback ? "true" : "false", {"true", "false"}) == "true";
}

std::string OptionReader::choice(const std::string& name, const std::string& fallback,
                                 const std::vector<std::string>& valid) {
  const std::string* text = find(name);
  if (!text) return fallback;
  check<UsageError>(std::find(valid.begin(), valid.end(), *text) != valid.end(), "[", owner_,
                    "] option ", name, " is '", *text, "', expected one of: ", join(valid));
  return *text;
}

std::vector<int64_t> OptionReader::integers(const std::string& name) {
  std::vector<int64_t> out;
  const std::string* text = find(name);
  if (!text || text->empty()) return out;
  for (size_t begin = 0; begin <= text->size();) {
    const size_t end = std::min(text->find(',', begin), text->size());
    check<UsageError>(parse(std::string_view(*text).substr(begin, end - begin), out.emplace_back()),
                      "[", owner_, "] option ", name, " is '", *text,
                      "', expected whole numbers between commas");
    begin = end + 1;
  }
  return out;
}

void OptionReader::finish() const {
  for (const auto& [name, value] : options_)
    check<UsageError>(known_.contains(name), "[", owner_, "] unknown option '", name,
                      "', expected one of: ", join(known_));
}

std::string to_text(double value) {
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

}  // namespace pixelgrad
