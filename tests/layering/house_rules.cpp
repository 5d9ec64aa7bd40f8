#include "tests/layering/house_rules.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace pixelgrad::house {
namespace {

using Rooms = std::set<std::string, std::less<>>;

/// The folders of the library, and what each may include besides itself.
const std::map<std::string, Rooms, std::less<>> may_include = {
    {"tensor", {}},        {"autograd", {"tensor"}}, {"layers", {"autograd", "tensor"}},
    {"optim", {"tensor"}}, {"data", {"tensor"}},     {"models", {"layers", "autograd", "tensor"}},
};
const Rooms top_rooms = {"apps", "tests", "bench"};

std::string room_of(std::string_view path) { return std::string(path.substr(0, path.find('/'))); }

/// What is wrong with including `target` in `path`, or "".
std::string wrong_include(std::string_view path, std::string_view target, bool quoted) {
  const std::string from = room_of(path), to = room_of(target);
  if (!quoted) {
    if (target.starts_with("pixelgrad/") && !path.starts_with("tests/consumers/"))
      return "includes <" + std::string(target) +
             ">, which is for consumers; expected the path in the tree";
    return "";
  }
  const std::string named = "includes \"" + std::string(target) + "\"";
  if (to == "hwy") return "";  // Highway's own convention
  if (!may_include.contains(to) && !top_rooms.contains(to))
    return named + ", which is not a path from the root of the tree";
  if (path.starts_with("tests/reference/") &&
      (target.starts_with("tensor/kernels/") || target.starts_with("tensor/cpu/") ||
       target.starts_with("tensor/cuda/")))
    return named + "; a naive reference must not include kernels";
  const auto rule = may_include.find(from);
  if (rule == may_include.end() || from == to || rule->second.contains(to)) return "";
  std::string allowed = from;
  for (const std::string& room : rule->second) allowed += " " + room;
  return named + "; " + from + " may include: " + allowed;
}

}  // namespace

std::string code_only(std::string_view text) {
  std::string code(text);
  const auto blank = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < std::min(end, code.size()); ++i)
      if (code[i] != '\n') code[i] = ' ';
  };
  const auto find_end = [&](std::string_view mark, size_t from) {
    return std::min(text.find(mark, from), text.size());
  };
  size_t i = 0;
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    size_t end;
    if (rest.starts_with("//")) {
      end = find_end("\n", i);
      blank(i, end);
    } else if (rest.starts_with("/*")) {
      end = find_end("*/", i + 2) + 2;
      blank(i, end);
    } else if (rest.starts_with("R\"")) {
      const size_t open = find_end("(", i);
      const std::string close = ")" + std::string(text.substr(i + 2, open - i - 2)) + "\"";
      end = find_end(close, open) + close.size();
      blank(i + 2, end - 1);
    } else if (rest[0] == '"' ||
               (rest[0] == '\'' &&
                (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1]))))) {
      // A quote after a digit or letter separates digits: 1'000'000.
      end = i + 1;
      while (end < text.size() && text[end] != rest[0] && text[end] != '\n')
        end += text[end] == '\\' ? 2 : 1;
      blank(i + 1, end);
      ++end;
    } else {
      end = i + 1;
    }
    i = end;
  }
  return code;
}

std::vector<std::string> broken_rules(std::string_view path, std::string_view text) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  static const std::regex using_namespace(R"(\busing\s+namespace\b)");
  static const std::regex forbidden(
      R"(\b(cout|cerr|clog|stdout|stderr)\b|\b(printf|puts|putchar|exit|_exit|quick_exit|abort|assert)\s*\()");

  std::vector<std::string> broken;
  const bool header = path.ends_with(".h") || path.ends_with(".cuh");
  const bool library = may_include.contains(room_of(path));
  const std::string code = code_only(text);
  std::istringstream lines{std::string(text)}, code_lines{code};
  std::string line, code_line;
  for (int number = 1; std::getline(lines, line) && std::getline(code_lines, code_line); ++number) {
    const auto report = [&](const std::string& what) {
      broken.push_back(std::string(path) + ":" + std::to_string(number) + ": " + what);
    };
    std::smatch match;
    // The path of a quoted include is blank in the code, so it is read from the text.
    if (code_line.find('#') != std::string::npos && std::regex_search(line, match, include)) {
      const std::string wrong = wrong_include(path, match[2].str(), match[1] == "\"");
      if (!wrong.empty()) report(wrong);
    }
    if (header && std::regex_search(code_line, using_namespace))
      report("a header opens a namespace for everyone who includes it");
    if (library && std::regex_search(code_line, match, forbidden))
      report("the library uses " + match[0].str() + "; expected an exception, or nothing");
  }
  // Highway includes a kernel's source and some of its headers once per SIMD target.
  const bool guarded = code.find("#pragma once") != std::string::npos ||
                       code.find("HWY_TARGET_TOGGLE") != std::string::npos ||
                       code.find("#include <hwy/foreach_target.h>") != std::string::npos;
  if (header && !guarded) broken.push_back(std::string(path) + ":1: a header without #pragma once");
  return broken;
}

}  // namespace pixelgrad::house
