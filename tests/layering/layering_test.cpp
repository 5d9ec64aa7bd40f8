// The rules of the house: first the checker on sources that break them, then the tree itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "tests/layering/house_rules.h"

namespace pixelgrad::house {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path root = PIXELGRAD_SOURCE_DIR;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// C++ and CUDA files of the project's folders, as paths from the root.
std::vector<std::string> sources() {
  static const std::set<std::string> kinds = {".h", ".cpp", ".cu", ".cuh"};
  std::vector<std::string> found;
  for (const char* room :
       {"tensor", "autograd", "layers", "optim", "data", "models", "apps", "tests", "bench"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / room))
      if (entry.is_regular_file() && kinds.contains(entry.path().extension().string()))
        found.push_back(fs::relative(entry.path(), root).generic_string());
  std::sort(found.begin(), found.end());
  return found;
}

TEST(Layering, UpwardArrowIsReportedWithItsLine) {
  EXPECT_THAT(
      broken_rules("tensor/a.cpp", "#include <vector>\n#include \"autograd/graph.h\"\n"),
      ElementsAre("tensor/a.cpp:2: includes \"autograd/graph.h\"; tensor may include: tensor"));
  for (const auto& [path, included] : std::vector<std::pair<std::string, std::string>>{
           {"autograd/a.cpp", "layers/module.h"},
           {"layers/a.cpp", "models/unet.h"},
           {"layers/a.cpp", "optim/sgd.h"},
           {"layers/a.cpp", "data/image.h"},
           {"optim/a.cpp", "autograd/graph.h"},
           {"data/a.cpp", "layers/module.h"},
           {"models/a.cpp", "data/image.h"},
           {"models/a.cpp", "apps/engine.h"},
           {"tensor/a.cpp", "tests/reference/conv2d.h"}})
    EXPECT_THAT(broken_rules(path, "#include \"" + included + "\"\n"),
                ElementsAre(HasSubstr(included)))
        << path;
}

TEST(Layering, DownwardArrowIsFine) {
  const std::string text =
      "#include <vector>\n#include \"tensor/tensor.h\"\n#include \"hwy/highway.h\"\n";
  for (const char* path :
       {"tensor/a.cpp", "autograd/a.cpp", "models/a.cpp", "apps/a.cpp", "tests/a.cpp"})
    EXPECT_THAT(broken_rules(path, text), IsEmpty()) << path;
  EXPECT_THAT(broken_rules("models/a.cpp", "#include \"layers/conv.h\"\n#include \"models/b.h\"\n"),
              IsEmpty());
  EXPECT_THAT(broken_rules("apps/a.cpp", "#include \"data/a.h\"\n#include \"models/b.h\"\n"),
              IsEmpty());
}

TEST(Layering, IncludesArePathsFromTheRoot) {
  EXPECT_THAT(broken_rules("tensor/a.cpp", "#include \"shape.h\"\n"),
              ElementsAre(HasSubstr("root of the tree")));
  EXPECT_THAT(broken_rules("layers/a.cpp", "#include \"../models/unet.h\"\n"),
              ElementsAre(HasSubstr("root")));
  EXPECT_THAT(broken_rules("apps/a.cpp", "#include <pixelgrad/pixelgrad.h>\n"),
              ElementsAre(HasSubstr("consumers")));
  EXPECT_THAT(broken_rules("tests/consumers/main.cpp", "#include <pixelgrad/pixelgrad.h>\n"),
              IsEmpty());
}

TEST(Layering, NaiveReferenceIncludesNoKernel) {
  for (const char* kernel :
       {"tensor/kernels/conv2d.h", "tensor/cpu/pack.h", "tensor/cuda/launch.h"})
    EXPECT_THAT(
        broken_rules("tests/reference/conv2d.cpp", "#include \"" + std::string(kernel) + "\"\n"),
        ElementsAre(HasSubstr("naive reference")));
  EXPECT_THAT(broken_rules("tests/reference/conv2d.cpp", "#include \"tensor/tensor.h\"\n"),
              IsEmpty());
  EXPECT_THAT(
      broken_rules("tests/tensor/conv2d_test.cpp", "#include \"tensor/kernels/conv2d.h\"\n"),
      IsEmpty());
}

TEST(HouseRules, HeadersAreGuardedAndOpenNoNamespace) {
  EXPECT_THAT(broken_rules("data/a.h", "int a();\n"), ElementsAre(HasSubstr("#pragma once")));
  EXPECT_THAT(broken_rules("data/a.h", "// #pragma once\nint a();\n"),
              ElementsAre(HasSubstr("#pragma once")));
  EXPECT_THAT(broken_rules("data/a.h", "#pragma once\nint a();\n"), IsEmpty());
  EXPECT_THAT(broken_rules("tensor/cpu/a-inl.h",
                           "#if defined(A_INL_H) == defined(HWY_TARGET_TOGGLE)\n#endif\n"),
              IsEmpty());
  EXPECT_THAT(broken_rules("tensor/cpu/a.h", "#include <hwy/foreach_target.h>\n"), IsEmpty());
  EXPECT_THAT(broken_rules("data/a.h", "#pragma once\nusing namespace std;\n"),
              ElementsAre(HasSubstr("data/a.h:2:")));
  EXPECT_THAT(broken_rules("data/a.cpp", "using namespace std;\n"), IsEmpty());
}

TEST(HouseRules, LibraryNeverPrintsExitsAbortsOrAsserts) {
  for (const char* line :
       {"std::cout << 1;", "std::cerr << 1;", "printf(\"x\");", "std::puts(\"x\");",
        "fprintf(stderr, \"x\");", "std::exit(1);", "abort();", "assert(x > 0);"}) {
    EXPECT_THAT(broken_rules("models/a.cpp", line), ElementsAre(HasSubstr("models/a.cpp:1:")))
        << line;
    EXPECT_THAT(broken_rules("apps/a.cpp", line), IsEmpty()) << line;
  }
  for (const char* line :
       {"static_assert(x > 0);", "snprintf(b, n, \"x\");", "fprintf(file, \"x\");", "// exit(1)",
        "/* abort() */", "throw Error(\"assert(x)\");", "on_exit_scope();", "int exits = 1;",
        "const int big = 1'000'000; // assert(big)", "auto s = R\"(abort();)\";"})
    EXPECT_THAT(broken_rules("models/a.cpp", line), IsEmpty()) << line;
}

TEST(HouseRules, CodeOnlyKeepsLinesAndCode) {
  EXPECT_EQ(code_only("a /* b\nc */ d // e\n\"f\\\"g\" h 'i' 1'0"),
            "a     \n     d     \n\"    \" h ' ' 1'0");
}

TEST(Tree, KeepsTheRules) {
  const std::vector<std::string> files = sources();
  ASSERT_GT(files.size(), 20u);
  std::vector<std::string> broken;
  for (const std::string& file : files)
    for (const std::string& problem : broken_rules(file, read(root / file)))
      broken.push_back(problem);
  EXPECT_THAT(broken, IsEmpty());
}

/// A header that nobody lists does not reach consumers, so each is listed as public or private;
/// what lies inside tensor/ or is called internal is private where nothing else is said.
TEST(Tree, HeadersAreListedAsPublicOrPrivate) {
  std::set<std::string> listed;
  for (const char* access : {"public", "private"}) {
    std::ifstream list(fs::path(PIXELGRAD_BINARY_DIR) / (std::string(access) + "_headers.txt"));
    listed.insert(std::istream_iterator<std::string>(list), {});
  }
  ASSERT_TRUE(listed.contains("tensor/tensor.h"));
  static const std::regex exempt("(apps|tests|bench)/.*|tensor/(kernels|cpu|cuda)/.*|.*internal.h");
  for (const std::string& file : sources())
    if (file.ends_with(".h") && !std::regex_match(file, exempt)) {
      EXPECT_TRUE(listed.contains(file))
          << file << " is not in pixelgrad_headers() of its folder's CMakeLists.txt";
    }
}

}  // namespace
}  // namespace pixelgrad::house
