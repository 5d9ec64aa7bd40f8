// What a lesson shows is what its program prints and draws.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "data/image_io.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using testing::file_bytes;
using testing::ScratchFolder;

TEST(Lesson, ShowsWhatItsProgramPrintsAndDraws) {
  const ScratchFolder scratch;
  const fs::path drawn = scratch / "drawn", printed = scratch / "printed.txt";
  fs::create_directory(drawn);
  const std::string call = PIXELGRAD_LESSON " " + drawn.string() + " > " + printed.string();
  ASSERT_EQ(std::system(call.c_str()), 0) << "the program checks what the lesson says";

  const std::string page = file_bytes(PIXELGRAD_DOCS "/lessons/01-context.md");
  std::istringstream lines(file_bytes(printed));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_NE(page.find("\n    " + line + "\n"), std::string::npos) << line;
  EXPECT_GT(count, 10);

  count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(drawn)) {
    const std::string name = entry.path().filename();
    EXPECT_NE(page.find("(../images/lessons/" + name + ")"), std::string::npos) << name;
    const Image now = read_image(entry.path());
    const Image shown = read_image(PIXELGRAD_DOCS "/images/lessons/" + name);
    ASSERT_EQ(shown.height, now.height) << name;
    ASSERT_EQ(shown.width, now.width) << name;
    for (size_t i = 0; i < now.pixels.size(); ++i)  // another kind of SIMD may round otherwise
      ASSERT_NEAR(shown.pixels[i], now.pixels[i], 2) << name;
    ++count;
  }
  EXPECT_EQ(count, 6);
}

}  // namespace
}  // namespace pixelgrad
