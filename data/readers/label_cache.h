#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "data/image.h"

namespace pixelgrad::readers {

/// Label maps kept on disk from one run to the next, one file each. Files appear whole or not at
/// all; several processes may share a folder. Without a folder it is not enabled.
class LabelCache {
 public:
  /// Makes the folder where it is missing. Throws DataError when that fails.
  explicit LabelCache(std::filesystem::path folder);

  bool enabled() const { return !folder_.empty(); }

  /// What was stored under this name with this key; nothing when the key is another, or the file
  /// is damaged.
  std::optional<LabelMap> find(const std::string& name, uint64_t key) const;

  /// Replaces what was stored under this name, which may contain folders. Throws DataError.
  void store(const std::string& name, uint64_t key, const LabelMap& labels) const;

 private:
  std::filesystem::path file_of(const std::string& name) const;
  std::filesystem::path folder_;
};

}  // namespace pixelgrad::readers
