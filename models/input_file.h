#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tensor/check.h"

namespace pixelgrad {

/// A name from a file for use in a message: quoted, escaped and not too long.
std::string quote_name(std::string_view name);

/// The same for a list: quoted only where something in it is not plain ASCII.
std::string plain_name(std::string_view name);

/// A weight file's bytes. Errors begin with its format and path.
class InputFile {
 public:
  /// Throws CheckpointError unless `path` is a regular file that can be read.
  InputFile(const std::filesystem::path& path, std::string format);

  uint64_t size() const { return size_; }
  const std::string& name() const { return name_; }
  /// "[safetensors] weights/a.safetensors: "
  const std::string& prefix() const { return prefix_; }

  /// Reads exactly `bytes` bytes from `offset`; throws CheckpointError when they are not there.
  void read_at(uint64_t offset, void* to, uint64_t bytes);

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw CheckpointError(str(prefix_, parts...));
  }
  template <class... Parts>
  void require(bool ok, const Parts&... parts) const {
    if (!ok) fail(parts...);
  }

 private:
  std::string name_, prefix_;
  std::ifstream stream_;
  uint64_t size_ = 0;
};

}  // namespace pixelgrad
