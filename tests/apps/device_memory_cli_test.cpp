// A run whose device is too small says which op wanted how much, and keeps what it has learnt.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apps/engine/checkpoint.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using testing::file_bytes;
using ::testing::HasSubstr;
using testing::ProgramResult;

class DeviceMemoryCli : public testing::ProgramTest {
 protected:
  void TearDown() override { unsetenv("PIXELGRAD_EMULATOR_MEMORY"); }

  static void limit_memory(int bytes) {
    setenv("PIXELGRAD_EMULATOR_MEMORY", std::to_string(bytes).c_str(), 1);
  }
  /// Two photos to train on and one to validate with, 48x48.
  void make_data() {
    for (const char* name : {"train/a", "train/b", "val/c"}) {
      const fs::path root = scratch_.path() / "data" / fs::path(name).parent_path();
      const std::string file = fs::path(name).filename().string() + ".png";
      fs::create_directories(root / "images");
      fs::create_directories(root / "masks");
      Image photo(48, 48, 3);
      LabelMap labels(48, 48);
      for (int y = 0; y < 48; ++y)
        for (int x = 0; x < 48; ++x) labels.at(y, x) = x > y;
      write_png(root / "images" / file, photo);
      write_label_png(root / "masks" / file, labels);
    }
    std::ofstream(scratch_.path() / "data/classes.txt") << "left\nright\n";
  }

  /// Two steps on crops.
  std::vector<std::string> recipe(const char* run) {
    return {"train", "--quiet",  "--data",      scratch_ / "data", "--crop", "8",
            "8",     "--width",  "4",           "--depth",         "1",      "--batch-size",
            "1",     "--epochs", "1",           "--panels",        "0",      "--device",
            "cuda",  "--out",    scratch_ / run};
  }
};

TEST_F(DeviceMemoryCli, AnEpochIsKeptWhenItsValidationFindsNoMemory) {
  make_data();
  const ProgramResult whole = run(recipe("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  limit_memory(120 << 10);  // crops fit, the whole photo does not
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
