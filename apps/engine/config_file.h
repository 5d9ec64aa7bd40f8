#pragma once
#include <string>
#include <vector>

namespace pixelgrad {

/// Replaces every `--config FILE` among the arguments by the options that the TOML file holds
/// (`epochs = 15` becomes `--epochs 15`), put right after the subcommand: what stands on the
/// command line wins. Throws UsageError that names a file which cannot be read or parsed.
std::vector<std::string> expand_config_files(const std::vector<std::string>& args);

}  // namespace pixelgrad
