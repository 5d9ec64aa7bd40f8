#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/apps/program.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad::testing {

/// Tests that run the program in a folder of their own.
class ProgramTest : public ::testing::Test {
 protected:
  /// Exit codes.
  static constexpr int run_failed = 1, usage = 2, check_failed = 3, bad_data = 4,
                       bad_checkpoint = 5;

  ProgramResult run(const std::vector<std::string>& args) {
    return run_program(scratch_.path(), args);
  }

  /// It ends with this code and says one line, on stderr.
  void expect_error(const std::vector<std::string>& args, int exit_code,
                    const ::testing::Matcher<std::string>& message) {
    const ProgramResult r = run(args);
    EXPECT_EQ(r.exit_code, exit_code) << r.err;
    EXPECT_THAT(r.err, message);
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
    EXPECT_EQ(r.out, "");
  }

  ScratchFolder scratch_;
};

}  // namespace pixelgrad::testing
