#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace pixelgrad::testing {

/// How a run of the pixelgrad program ended.
struct ProgramResult {
  int exit_code = 0;  ///< 128 + number when a signal ended it
  std::string out, err;
};

/// A running pixelgrad program; killed when the object dies first.
class Program {
 public:
  /// Starts it with these arguments; stdout and stderr go to files in `scratch`.
  Program(const std::filesystem::path& scratch, const std::vector<std::string>& args);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void send(int signal) const;
  /// Waits until it ended or `limit` passed; true when it ended.
  bool wait_for(std::chrono::milliseconds limit);
  ProgramResult wait();

 private:
  void note(int status);
  std::filesystem::path out_, err_;
  int pid_ = -1;
  int exit_code_ = -1;
};

/// Runs it to its end.
ProgramResult run_program(const std::filesystem::path& scratch,
                          const std::vector<std::string>& args);

}  // namespace pixelgrad::testing
