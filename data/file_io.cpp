#include "data/file_io.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <system_error>

#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace fs = std::filesystem;
namespace {

/// A name beside `path` that no other thread or process uses.
fs::path temporary_sibling(const fs::path& path) {
  static std::atomic<int> count{0};
  fs::path name = path.parent_path();
  name /= str(".", path.filename().string(), ".", getpid(), ".", count++, ".tmp");
  return name;
}

/// Removes what is at `path` when it goes out of scope, unless it was kept.
class RemoveLater {
 public:
  explicit RemoveLater(fs::path path) : path_(std::move(path)) {}
  RemoveLater(const RemoveLater&) = delete;
  RemoveLater& operator=(const RemoveLater&) = delete;
  ~RemoveLater() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

}  // namespace

std::vector<uint8_t> read_file(const fs::path& path, int64_t max_bytes) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  check<DataError>(fs::exists(status), "[read] ", path.string(), ": no such file");
  check<DataError>(fs::is_regular_file(status), "[read] ", path.string(), ": not a regular file");
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<int64_t>(in.tellg());
  check<DataError>(in.good() && size >= 0, "[read] ", path.string(), ": cannot be opened");
  check<DataError>(size <= max_bytes, "[read] ", path.string(), ": file has ", size,
                   " bytes, expected at most ", max_bytes);
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), size);
  check<DataError>(in.gcount() == size, "[read] ", path.string(), ": read ", in.gcount(), " of ",
                   size, " bytes");
  return bytes;
}

void write_file(const fs::path& path, std::span<const uint8_t> bytes) {
  try {
    write_file_atomically(path, [&](AtomicFile& file) { file.write(bytes.data(), bytes.size()); });
  } catch (const Error& e) {
    throw DataError(e.what());
  }
}

void write_file(const fs::path& path, std::string_view text) {
  write_file(path, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

void write_folder(const fs::path& folder, const std::function<void(const fs::path&)>& fill) {
  std::error_code error;
  fs::path target = fs::absolute(folder, error).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "out/" means "out"
  if (fs::exists(target, error)) {
    check<DataError>(fs::is_directory(target, error), "[write] ", folder.string(),
                     ": exists and is not a folder");
    check<DataError>(fs::is_empty(target, error) && !error, "[write] ", folder.string(),
                     ": folder is not empty; name a new one");
  }
  fs::create_directories(target.parent_path(), error);
  const fs::path temporary = temporary_sibling(target);
  check<DataError>(fs::create_directory(temporary, error), "[write] ", folder.string(),
                   ": cannot create a folder there: ", error.message());
  RemoveLater cleanup(temporary);
  fill(temporary);
  fs::rename(temporary, target, error);
  check<DataError>(!error, "[write] ", folder.string(), ": ", error.message());
  cleanup.keep();
}

}  // namespace pixelgrad
