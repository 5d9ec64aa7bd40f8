// Files of weights that break one rule each (malformed_files.h). All must end in a CheckpointError
// that names the file and the rule, without more memory than the file's size and 16 MiB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "models/weight_file.h"
#include "tensor/allocator.h"
#include "tests/models/malformed_files.h"
#include "tests/support/heap_peak.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using namespace testing::malformed;
using namespace testing::pickled;
using testing::file_bytes;
using ::testing::HasSubstr;
using testing::legacy_file;
using testing::zip;
using testing::ZipPart;

std::vector<Rule> all_rules() {
  std::vector<Rule> rules;
  for (const auto& some : {zip_rules(), pickle_rules(), legacy_rules(), safetensors_rules()})
    rules.insert(rules.end(), some.begin(), some.end());
  return rules;
}

/// Opens the file and reads all that is in it.
std::string error_of(const std::filesystem::path& path) {
  try {
    const auto file = open_weights(path);
    for (size_t i = 0; i < file->entries().size(); ++i) file->read(i);
  } catch (const CheckpointError& e) {
    return e.what();
  }
  return "no error";
}

void expect_refused(const std::vector<Rule>& rules) {
  const testing::ScratchFolder folder;
  const auto path = folder / "bad";
  for (const Rule& rule : rules) {
    EXPECT_FALSE(rule.files.empty()) << rule.name;
    for (size_t i = 0; i < rule.files.size(); ++i) {
      SCOPED_TRACE(str(rule.name, ", file ", i));
      testing::put_file(path, rule.files[i]);
      const int64_t before = testing::heap_in_use() + memory_stats().in_use;
      testing::reset_heap_peak();
      reset_peak_memory();
      const std::string error = error_of(path);
      const int64_t peak = testing::heap_peak() + memory_stats().peak_in_use - before;
      EXPECT_LE(peak, static_cast<int64_t>(rule.files[i].size()) + (16 << 20));
      EXPECT_THAT(error, HasSubstr(path.string() + ": "));
      EXPECT_THAT(error, HasSubstr(rule.message));
      EXPECT_LT(error.size(), 1000u);
      for (const char c : error) EXPECT_GE(static_cast<unsigned char>(c), ' ') << error;
    }
  }
}

TEST(MalformedWeights, ZipArchives) { expect_refused(zip_rules()); }
TEST(MalformedWeights, Pickles) { expect_refused(pickle_rules()); }
TEST(MalformedWeights, LegacyFiles) { expect_refused(legacy_rules()); }
TEST(MalformedWeights, SafetensorsFiles) { expect_refused(safetensors_rules()); }

TEST(MalformedWeights, HasManyFilesInManyRules) {
  std::set<std::string> different;
  const std::vector<Rule> rules = all_rules();
  for (const Rule& rule : rules) different.insert(rule.files.begin(), rule.files.end());
  EXPECT_GE(rules.size(), 25u);
  EXPECT_GE(different.size(), 500u);
  RecordProperty("rules", static_cast<int>(rules.size()));
  RecordProperty("files", static_cast<int>(different.size()));
}

TEST(MalformedWeights, TheFilesThatWereBrokenAreSound) {
  const testing::ScratchFolder folder;
  std::vector<ZipPart> packed = good_parts();
  for (ZipPart& p : packed) p.deflate = true;
  for (const std::string& bytes :
       {zip(good_parts()), zip(packed), legacy_file(good_pickle(), {{6, floats}}), our_file()}) {
    testing::put_file(folder / "a", bytes);
    EXPECT_EQ(error_of(folder / "a"), "no error");
    EXPECT_EQ(open_weights(folder / "a")->entries().at(0).name, "w");
  }
}

/// Bytes changed at random: the file is read, or refused; nothing else is thrown.
TEST(MalformedWeights, RandomDamage) {
  const testing::ScratchFolder folder;
  std::mt19937 random(1);  // the same on every machine
  const auto below = [&](size_t n) { return static_cast<size_t>(random()) % n; };
  int refused = 0, files = 0;
  for (const char* name :
       {"legacy_types.pth", "legacy_checkpoint.pth", "legacy_views.pth", "zip_nested.pth",
        "zip64_checkpoint.pth", "deflated_views.pth", "without_crc.pth"}) {
    const std::string good = file_bytes(std::string(PIXELGRAD_FIXTURES) + "/weights/" + name);
    ASSERT_FALSE(good.empty());
    // The pickles and the directory are where damage matters; they are at either end.
    const size_t edge = std::min<size_t>(good.size(), 1500);
    for (int i = 0; i < 300; ++i, ++files) {
      std::string bytes = good;
      for (size_t changes = 1 + below(3); changes > 0; --changes) {
        const size_t at = below(2) ? below(edge) : good.size() - 1 - below(edge);
        bytes[at] = static_cast<char>(below(256));
      }
      if (below(8) == 0) bytes.resize(below(bytes.size()));
      testing::put_file(folder / "a", bytes);
      SCOPED_TRACE(str(name, ", damage ", i));
      EXPECT_NO_THROW(refused += error_of(folder / "a") != "no error");
    }
  }
  EXPECT_GT(refused, files / 2);
  RecordProperty("refused", refused);
}

/// Files of Python 2, and views of storages, as PyTorch before 0.4 wrote them.
TEST(OldTorchFiles, AreRead) {
  const testing::ScratchFolder folder;
  const auto old_text = [](const std::string& s) {
    return 'U' + std::string(1, static_cast<char>(s.size())) + s;
  };
  const std::string view = tuple({old_text("storage"), name("torch", "FloatStorage"), old_text("0"),
                                  old_text("cpu"), "K\6", tuple({old_text("v"), "K\2", "K\4"})}) +
                           'Q';
  const std::string old_tensor =
      name("torch._utils", "_rebuild_tensor") + tuple({view, "K\1", "K\3\x85", "K\1\x85"}) + 'R';
  const std::string pairs =
      name("collections", "OrderedDict") + tuple({list({list({old_text("w"), old_tensor})})}) + 'R';
  testing::put_file(folder / "a", legacy_file(program(pairs), {{6, floats}}));
  const auto file = open_weights(folder / "a");
  ASSERT_EQ(file->entries().size(), 1u);
  EXPECT_EQ(file->read(0).to_doubles(), (std::vector<double>{3.5, 4.5, 5.5}));
}

}  // namespace
}  // namespace pixelgrad