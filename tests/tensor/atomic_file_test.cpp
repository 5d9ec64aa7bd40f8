// Whatever fails while a file is written, the old one stays and no temporary file is left. The
// linker sends the library's system calls here (--wrap), where each can be made to fail.
#include "tensor/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>

#include "tensor/check.h"
#include "tests/support/scratch_folder.h"

namespace {

/// How the next system calls behave. Off unless a test turns it on.
struct Faults {
  bool on = false;
  int fail_at = -1;  // the call, counted from 0, that fails
  int error = 0;     // its errno
  int calls = 0;     // so far
  bool short_writes = false;
  bool interrupts = false;  // every other call is interrupted first
  bool interrupted = false;

  bool fails() {
    if (!on) return false;
    if (interrupts && !interrupted) {
      interrupted = true;
      errno = EINTR;
      return true;
    }
    interrupted = false;
    if (calls++ != fail_at) return false;
    errno = error;
    return true;
  }
} faults;

}  // namespace

extern "C" {
int __real_open(const char*, int, ...);
ssize_t __real_write(int, const void*, size_t);
int __real_fsync(int);
int __real_close(int);
int __real_rename(const char*, const char*);

int __wrap_open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return faults.fails() ? -1 : __real_open(path, flags, mode);
}
ssize_t __wrap_write(int descriptor, const void* data, size_t bytes) {
  if (faults.fails()) return -1;
  return __real_write(descriptor, data,
                      faults.on && faults.short_writes ? std::min<size_t>(bytes, 3) : bytes);
}
int __wrap_fsync(int descriptor) { return faults.fails() ? -1 : __real_fsync(descriptor); }
int __wrap_close(int descriptor) {
  // A close that fails has closed all the same, also when it was interrupted.
  const int closed = __real_close(descriptor);
  return faults.fails() ? -1 : closed;
}
int __wrap_rename(const char* from, const char* to) {
  return faults.on && !faults.interrupts && faults.fails() ? -1 : __real_rename(from, to);
}
}

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

class AtomicFileTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::put_file(target_, "old"); }
  void TearDown() override { faults = {}; }

  /// Writes three pieces, and returns the error, if any.
  std::string write_new() {
    faults.on = true;
    std::string message;
    try {
      write_file_atomically(target_, [](AtomicFile& file) {
        file.write("new ");
        file.write("contents ");
        file.write("of the file");
      });
    } catch (const Error& e) {
      message = e.what();
    }
    faults.on = false;
    return message;
  }

  testing::ScratchFolder folder_;
  std::filesystem::path target_ = folder_ / "weights.safetensors";
};

constexpr const char* new_contents = "new contents of the file";

TEST_F(AtomicFileTest, ReplacesTheFile) {
  EXPECT_EQ(write_new(), "");
  EXPECT_EQ(testing::file_bytes(target_), new_contents);
  EXPECT_EQ(folder_.files(), 1);
}

TEST_F(AtomicFileTest, NewFilesGetTheUsersDefaultPermissions) {
  const mode_t before = umask(027);
  EXPECT_EQ(write_new(), "");
  umask(before);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(target_).permissions(),
            perms::owner_read | perms::owner_write | perms::group_read);
}

TEST_F(AtomicFileTest, TheTargetIsUntouchedUntilCommit) {
  {
    AtomicFile file(target_);
    file.write("half");
    EXPECT_EQ(testing::file_bytes(target_), "old");
    EXPECT_EQ(folder_.files(), 2);
  }
  EXPECT_EQ(testing::file_bytes(target_), "old");
  EXPECT_EQ(folder_.files(), 1);
}

// Calls in order: open, three writes, fsync, close, rename, open of the folder, its fsync, its
// close. After the rename the new file is there whole; that is all a failure can still mean.
TEST_F(AtomicFileTest, EverySystemCallMayFail) {
  ASSERT_EQ(write_new(), "");
  const int calls = faults.calls;
  ASSERT_EQ(calls, 10);
  for (const int error : {ENOSPC, EIO}) {
    for (int k = 0; k < 9; ++k) {
      testing::put_file(target_, "old");
      faults = {.fail_at = k, .error = error};
      const std::string message = write_new();
      EXPECT_THAT(message, HasSubstr(target_.string())) << k;
      EXPECT_THAT(message, HasSubstr(std::strerror(error))) << k;
      EXPECT_EQ(testing::file_bytes(target_), k < 7 ? "old" : new_contents) << k;
      EXPECT_EQ(folder_.files(), 1) << k;
    }
  }
}

TEST_F(AtomicFileTest, ShortWritesAndInterruptsAreNoErrors) {
  faults.short_writes = true;
  EXPECT_EQ(write_new(), "");
  EXPECT_EQ(testing::file_bytes(target_), new_contents);
  testing::put_file(target_, "old");
  faults = {.short_writes = true, .interrupts = true};
  EXPECT_EQ(write_new(), "");
  EXPECT_EQ(testing::file_bytes(target_), new_contents);
  EXPECT_EQ(folder_.files(), 1);
}

TEST_F(AtomicFileTest, AFullDiskKeepsTheOldFile) {
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{10, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = write_new();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(message, HasSubstr("File too large"));
  EXPECT_EQ(testing::file_bytes(target_), "old");
  EXPECT_EQ(folder_.files(), 1);
}

TEST_F(AtomicFileTest, AWriterThatThrowsChangesNothing) {
  EXPECT_THROW(write_file_atomically(target_,
                                     [](AtomicFile& file) {
                                       file.write("new");
                                       throw std::runtime_error("no");
                                     }),
               std::runtime_error);
  EXPECT_EQ(testing::file_bytes(target_), "old");
  EXPECT_EQ(folder_.files(), 1);
}

TEST_F(AtomicFileTest, AMissingFolderIsNamed) {
  try {
    AtomicFile file(folder_ / "no such" / "file");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("no such"), HasSubstr("No such file or directory")));
  }
}

TEST_F(AtomicFileTest, TheLongestNameIsPossible) {
  const auto path = folder_ / std::string(255, 'w');
  write_file_atomically(path, [](AtomicFile& file) { file.write("x"); });
  EXPECT_EQ(testing::file_bytes(path), "x");
}

TEST_F(AtomicFileTest, WritingAfterCommitIsAnError) {
  AtomicFile file(target_);
  file.commit();
  EXPECT_THROW(file.write("x"), Error);
  EXPECT_THROW(file.commit(), Error);
}

TEST_F(AtomicFileTest, TemporariesOfKilledWritersAreRemovedAndOthersStay) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    AtomicFile file(target_);
    file.write("half");
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(testing::file_bytes(target_), "old");

  AtomicFile alive(target_);
  alive.write("half");
  testing::put_file(folder_ / ".pixelgrad-notes", "not a temporary");
  EXPECT_EQ(folder_.files(), 4);
  EXPECT_EQ(remove_stale_temporaries(folder_.path()), 1);
  EXPECT_EQ(remove_stale_temporaries(folder_.path()), 0);
  alive.commit();
  EXPECT_EQ(testing::file_bytes(target_), "half");
  EXPECT_EQ(folder_.files(), 2);
  EXPECT_THROW(remove_stale_temporaries(folder_ / "no such"), Error);
}

}  // namespace
}  // namespace pixelgrad
