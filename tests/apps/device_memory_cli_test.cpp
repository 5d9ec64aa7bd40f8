// A run whose device is too small says which op wanted how much, and keeps what it has learnt.
#include <cstdlib>
#include <filesystem>

#include "apps/engine/checkpoint.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using testing::file_bytes;
using testing::ProgramResult;

class DeviceMemoryCli : public testing::ProgramTest {
 protected:
  void TearDown() override { unsetenv("PIXELGRAD_EMULATOR_MEMORY"); }

  static void limit_memory(int bytes) {
    setenv("PIXELGRAD_EMULATOR_MEMORY", std::to_string(bytes).c_str(), 1);
  }
  /// Two steps on crops of scenes that are larger. The emulator takes seconds for it.
  std::vector<std::string> recipe(const char* run) {
    return {"train", "--quiet",      "--data", "streets",  "--size", "48",       "48",   "--count",
            "2",     "--crop",       "16",     "16",       "--width", "4",       "--depth", "1",
            "--batch-size", "1",     "--epochs", "1",      "--panels", "0",      "--device", "cuda",
            "--out", scratch_ / run};
  }
};

TEST_F(DeviceMemoryCli, AnEpochIsKeptWhenItsValidationFindsNoMemory) {
  ASSERT_EQ(run(recipe("whole")).exit_code, 0);
  limit_memory(150 << 10);  // a crop fits, a scene does not
  expect_error(recipe("short"), run_failed,
               AllOf(ContainsRegex("\\[[a-z_0-9]+\\] no memory for [0-9]+ bytes on cuda"),
                     HasSubstr("holds the state after step 2")));
  unsetenv("PIXELGRAD_EMULATOR_MEMORY");
  const ProgramResult resumed =
      run({"train", "--quiet", "--resume", "--out", scratch_ / "short", "--device", "cuda"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_TRUE(file_bytes(scratch_.path() / "short" / last_checkpoint) ==
              file_bytes(scratch_.path() / "whole" / last_checkpoint));
}

}  // namespace
}  // namespace pixelgrad
