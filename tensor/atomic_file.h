#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string_view>

namespace pixelgrad {

/// A file that appears whole or not at all. Bytes go to a temporary file in the target's folder;
/// commit() brings them to the disk and gives them the target's name in one step. Until then, and
/// whatever fails (full disk, crash, power), the target keeps its old contents.
/// Every failure throws Error with the path and the system's reason.
class AtomicFile {
 public:
  /// Opens a temporary file beside `path`. The folder must exist.
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless commit() was called.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. Not buffered: hand over large pieces.
  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// fsync, close, rename to the target, fsync of the folder. To be called once, as the last thing.
  void commit();

 private:
  [[noreturn]] void fail(const char* what, int error) const;

  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

/// Replaces the file at `path` by what `writer` writes. If `writer` throws, nothing has happened.
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(AtomicFile&)>& writer);

/// Removes temporary files that writers which were killed left in `folder`, and returns how many.
/// Those of writers that still run, in this process or another, stay.
int remove_stale_temporaries(const std::filesystem::path& folder);

}  // namespace pixelgrad
