// One epoch on 200 real microscopy images, from the files to the score, with the program's
// defaults. The images are not part of the repository: PIXELGRAD_TEST_DATA names the folder that
// holds them.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/program.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using testing::ProgramResult;
using testing::run_program;
using testing::ScratchFolder;

TEST(Nuclei, OneEpochFindsThem) {
  const char* folder = std::getenv("PIXELGRAD_TEST_DATA");
  if (!folder) GTEST_SKIP() << "PIXELGRAD_TEST_DATA is not set";
  const std::string data = std::string(folder) + "/nuclei";
  const ScratchFolder scratch;
  const ProgramResult trained =
      run_program(scratch.path(), {"train", "--quiet", "--data", data, "--model", "unet", "--width",
                                   "16", "--epochs", "1", "--out", scratch / "run"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;

  const ProgramResult scored =
      run_program(scratch.path(), {"evaluate", "--quiet", "--run", scratch / "run", "--data", data,
                                   "--split", "val", "--json"});
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  const auto scores = nlohmann::json::parse(scored.out);
  EXPECT_EQ(scores.at("images"), 50);
  EXPECT_GT(scores.at("pixel_accuracy"), 0.93);    // all background scores 0.92
  EXPECT_GT(scores.at("iou").at("nucleus"), 0.5);  // all nucleus scores 0.08
}

}  // namespace
}  // namespace pixelgrad
