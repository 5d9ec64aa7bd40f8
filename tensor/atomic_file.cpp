#include "tensor/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

// ".pixelgrad-PID-COUNT.tmp". The target's name is not part of it: it may be as long as names get.
constexpr std::string_view prefix = ".pixelgrad-", suffix = ".tmp";

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<uint64_t> count{0};
  return path.parent_path() / str(prefix, ::getpid(), "-", count++, suffix);
}

bool is_temporary(const std::string& name) {
  return name.starts_with(prefix) && name.ends_with(suffix) &&
         name.size() > prefix.size() + suffix.size();
}

std::string reason(int error) { return std::system_category().message(error); }

/// Calls f until a signal no longer interrupts it.
template <class F>
auto without_interrupts(F f) {
  auto result = f();
  while (result < 0 && errno == EINTR) result = f();
  return result;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  // A pid may come again after a crash: a name that is taken is not ours to overwrite.
  do {
    temporary_ = temporary_beside(path_);
    descriptor_ = without_interrupts(
        [&] { return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) {
    const int error = errno;
    temporary_.clear();
    fail("cannot create a file beside it", error);
  }
  // The lock tells remove_stale_temporaries that the writer lives; it dies with the process. A file
  // system without locks only loses that.
  ::flock(descriptor_, LOCK_EX | LOCK_NB);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what, int error) const {
  throw Error(str("[atomic_file] ", path_.string(), ": ", what, ": ", reason(error)));
}

void AtomicFile::write(const void* data, size_t bytes) {
  check(descriptor_ >= 0, "[atomic_file] ", path_.string(), ": write after commit");
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = without_interrupts([&] { return ::write(descriptor_, p, bytes); });
    if (written < 0) fail("cannot write", errno);
    if (written == 0) fail("cannot write", ENOSPC);
    p += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  check(descriptor_ >= 0, "[atomic_file] ", path_.string(), ": commit after commit");
  if (without_interrupts([&] { return ::fsync(descriptor_); }) < 0)
    fail("cannot bring to the disk", errno);
  // Not repeated when interrupted: Linux has released the descriptor all the same.
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed < 0 && errno != EINTR) fail("cannot close", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) < 0) fail("cannot rename to it", errno);
  temporary_.clear();

  const std::filesystem::path folder = path_.parent_path().empty() ? "." : path_.parent_path();
  const int descriptor = without_interrupts(
      [&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) fail("written, but its folder cannot be opened", errno);
  const int synced = without_interrupts([&] { return ::fsync(descriptor); });
  const int error = errno;
  ::close(descriptor);
  // EINVAL: a file system that has no such thing as an fsync of a folder.
  if (synced < 0 && error != EINVAL)
    fail("written, but its folder cannot be brought to the disk", error);
}

void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(AtomicFile&)>& writer) {
  AtomicFile file(path);
  writer(file);
  file.commit();
}

int remove_stale_temporaries(const std::filesystem::path& folder) {
  std::error_code error;
  int removed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!is_temporary(entry.path().filename().string()) || !entry.is_regular_file()) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && ::unlink(entry.path().c_str()) == 0)
      ++removed;
    ::close(descriptor);
  }
  if (error)
    throw Error(
        str("[atomic_file] cannot read the folder ", folder.string(), ": ", error.message()));
  return removed;
}

}  // namespace pixelgrad
