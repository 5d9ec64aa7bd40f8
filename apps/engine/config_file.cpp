#include "apps/engine/config_file.h"

#include <CLI/CLI.hpp>
#include <fstream>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

std::vector<std::string> options_of(const std::string& path) {
  std::ifstream file(path);
  check<UsageError>(file.is_open(), "[config] cannot read ", path);
  std::vector<std::string> out;
  try {
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(file)) {
      check<UsageError>(item.parents.empty(), "[config] ", path, ": table '",
                        item.parents.empty() ? "" : item.parents[0],
                        "', expected plain options such as epochs = 15");
      if (item.inputs.size() == 1 && item.inputs[0] == "false") continue;
      out.push_back("--" + item.name);
      if (item.inputs.size() == 1 && item.inputs[0] == "true") continue;
      out.insert(out.end(), item.inputs.begin(), item.inputs.end());
    }
  } catch (const CLI::Error& e) {
    throw UsageError(str("[config] ", path, ": ", e.what()));
  }
  return out;
}

}  // namespace

std::vector<std::string> expand_config_files(const std::vector<std::string>& args) {
  std::vector<std::string> from_files, rest;
  for (size_t i = 0; i < args.size(); ++i) {
    std::string path;
    if (args[i].starts_with("--config=")) {
      path = args[i].substr(9);
    } else if (args[i] == "--config") {
      check<UsageError>(++i < args.size(), "[config] --config expects a file");
      path = args[i];
    } else {
      rest.push_back(args[i]);
      continue;
    }
    for (std::string& option : options_of(path)) from_files.push_back(std::move(option));
  }
  rest.insert(rest.begin() + (rest.empty() ? 0 : 1), from_files.begin(), from_files.end());
  return rest;
}

}  // namespace pixelgrad
