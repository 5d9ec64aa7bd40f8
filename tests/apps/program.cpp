#include "tests/apps/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "tests/support/scratch_folder.h"

extern char** environ;

namespace pixelgrad::testing {
namespace fs = std::filesystem;

Program::Program(const fs::path& scratch, const std::vector<std::string>& args) {
  static std::atomic<int> number{0};
  const std::string id = std::to_string(number++);
  out_ = scratch / ("out" + id);
  err_ = scratch / ("err" + id);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out_.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err_.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0644);
  std::vector<char*> argv;
  std::string program = PIXELGRAD_PROGRAM;
  argv.push_back(program.data());
  std::vector<std::string> copies = args;
  for (std::string& a : copies) argv.push_back(a.data());
  argv.push_back(nullptr);
  const int failed = posix_spawn(&pid_, program.c_str(), &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed) throw std::runtime_error("cannot start " + program);
}

Program::~Program() {
  if (pid_ < 0) return;
  send(SIGKILL);
  wait();
}

void Program::send(int signal) const {
  if (pid_ >= 0) kill(pid_, signal);
}

void Program::note(int status) {
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  pid_ = -1;
}

bool Program::wait_for(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (pid_ >= 0) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) > 0) {
      note(status);
      break;
    }
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

ProgramResult Program::wait() {
  if (pid_ >= 0) {
    int status = 0;
    waitpid(pid_, &status, 0);
    note(status);
  }
  return {.exit_code = exit_code_, .out = file_bytes(out_), .err = file_bytes(err_)};
}

ProgramResult run_program(const fs::path& scratch, const std::vector<std::string>& args) {
  return Program(scratch, args).wait();
}

}  // namespace pixelgrad::testing
