#pragma once
#include <string>
#include <vector>

#include "tests/models/torch_file_builder.h"

// Files of weights that break one rule each, many for every rule.
namespace pixelgrad::testing::malformed {

using Files = std::vector<std::string>;

struct Rule {
  std::string name, message;  ///< the message is a part of every error
  Files files;
};

std::vector<Rule> zip_rules();          ///< the archive around the pickle of a .pth file
std::vector<Rule> pickle_rules();       ///< the pickle, most of them in archives and legacy files
std::vector<Rule> legacy_rules();       ///< .pth files from before PyTorch 1.6, but for the pickle
std::vector<Rule> safetensors_rules();  ///< safetensors files, and what is no weight file at all

// Sound files to break.

inline const std::string floats = [] {
  std::string bytes;
  for (int i = 0; i < 6; ++i) bytes += le(static_cast<float>(i) + 0.5f);
  return bytes;
}();

inline std::string good_tensor() {
  return pickled::tensor(pickled::storage("0", 6), 0, {2, 3}, {3, 1});
}
inline std::string good_pickle() { return pickled::program(pickled::dict({{"w", good_tensor()}})); }
inline std::vector<ZipPart> good_parts() { return torch_parts(good_pickle(), {floats}); }

inline Files cut_at_every_byte(const std::string& file, size_t from) {
  Files files;
  for (size_t size = from; size < file.size(); ++size) files.push_back(file.substr(0, size));
  return files;
}

/// A safetensors file of this program.
std::string our_file();

}  // namespace pixelgrad::testing::malformed
