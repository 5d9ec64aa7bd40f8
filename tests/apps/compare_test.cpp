// pixelgrad compare: what it leaves behind, what it does about runs that fail or were interrupted,
// and validation that is left out of some epochs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/engine/checkpoint.h"
#include "data/image_io.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::file_bytes;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Program;
using testing::ProgramResult;

using Args = std::vector<std::string>;

Args with(Args args, const Args& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

class Compare : public testing::ProgramTest {
 protected:
  /// On eight scenes, the unet as narrow as it gets.
  Args compare(const std::string& out, const Args& more = {}) {
    return with({"compare", "--data", "streets", "--size", "32", "32", "--count", "8", "--epochs",
                 "2", "--width", "2", "--depth", "1", "--panels", "2", "--out", scratch_ / out},
                more);
  }
  nlohmann::json results(const std::string& out) {
    return nlohmann::json::parse(file_bytes(scratch_ / (out + "/compare.json")));
  }
  static nlohmann::json run_named(const nlohmann::json& results, const std::string& name) {
    for (const auto& run : results.at("runs"))
      if (run.at("name") == name) return run;
    ADD_FAILURE() << "no run " << name;
    return {};
  }
};

TEST_F(Compare, WritesTablePageAndPicture) {
  const ProgramResult r = run(compare("all", {"--models", "conv1x1,unet", "--run",
                                              "small: model=unet batch_size=2 lr=1e-3", "--json"}));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto out = results("all");
  EXPECT_EQ(nlohmann::json::parse(r.out), out);
  ASSERT_EQ(out.at("runs").size(), 3u);
  EXPECT_EQ(out.at("classes").size(), 11u);
  EXPECT_EQ(out.at("scored_checkpoint"), "last epoch");

  double previous = 1;
  for (const auto& row : out.at("runs")) {
    const std::string name = row.at("name");
    EXPECT_EQ(row.at("status"), "finished");
    EXPECT_TRUE(row.at("error").is_null());
    EXPECT_LE(row.at("miou"), previous) << "sorted by mIoU";
    previous = row.at("miou");
    for (const char* key : {"images_per_second", "peak_memory_mib", "seconds"})
      EXPECT_GT(row.at(key), 0) << key;
    EXPECT_EQ(row.at("epochs"), 2);
    // The run folder is one of train, and its last epoch is what the table has.
    const fs::path folder = scratch_ / ("all/" + name);
    EXPECT_TRUE(fs::exists(folder / "report.html"));
    const Checkpoint last = read_checkpoint(folder / last_checkpoint);
    EXPECT_EQ(row.at("miou"), last.state.history.back().miou);
    EXPECT_EQ(row.at("pixel_accuracy"), last.state.history.back().pixel_accuracy);
    EXPECT_EQ(row.at("best_miou"), last.state.best_miou);
    EXPECT_EQ(row.at("iou").at("Sky"), last.state.history.back().iou.at(0));
    EXPECT_THAT(file_bytes(scratch_ / "all/compare.html"),
                HasSubstr("<a href=\"" + name + "/report.html\">"));
  }
  EXPECT_EQ(run_named(out, "conv1x1").at("parameters"), (3 + 1) * 11);
  EXPECT_EQ(run_named(out, "unet").at("config").at("lr"), 4e-3);
  EXPECT_EQ(run_named(out, "small").at("config").at("lr"), 1e-3);
  EXPECT_EQ(run_named(out, "small").at("config").at("batch_size"), 2);

  // Photo, truth and three predictions, with four pixels between them; two images.
  EXPECT_EQ(image_size(scratch_ / "all/compare.png"), (ImageSize{2 * 32 + 4, 5 * 32 + 4 * 4}));
  const std::string table = file_bytes(scratch_ / "all/compare.md");
  EXPECT_THAT(table, AllOf(HasSubstr(" mIoU |"), HasSubstr("Bicyclist"), HasSubstr("**"),
                           HasSubstr("last epoch"), Not(HasSubstr("note"))));
  const std::string csv = file_bytes(scratch_ / "all/compare.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
  EXPECT_THAT(csv, ::testing::StartsWith("run,status,model,miou,pixel_accuracy,"));
}

TEST_F(Compare, SeedsAndGrid) {
  const ProgramResult r = run(compare(
      "grid", {"--model", "conv1x1", "--epochs", "1", "--width", "2", "--models", "conv1x1"}));
  EXPECT_EQ(r.exit_code, usage) << "either --model or --models";
  const ProgramResult good = run({"compare", "--quiet", "--data", "streets", "--size", "32", "32",
                                  "--count", "8", "--epochs", "1", "--model", "conv1x1", "--seeds",
                                  "0,1", "--grid", "lr=1e-3,1e-2", "--out", scratch_ / "grid"});
  ASSERT_EQ(good.exit_code, 0) << good.err;
  EXPECT_EQ(good.err, "");
  EXPECT_THAT(good.out, AllOf(HasSubstr("conv1x1_lr=1e-3_seed=0"), HasSubstr(" mIoU |"),
                              HasSubstr("conv1x1_lr=1e-2_seed=1")));
  EXPECT_EQ(results("grid").at("runs").size(), 4u);
}

TEST_F(Compare, ARunThatFailsDoesNotTakeTheOthersWithIt) {
  const Args args =
      compare("failing", {"--run", "huge: lr=1e30 optimizer=sgd", "--run", "sound: model=conv1x1"});
  for (const bool again : {false, true}) {
    const ProgramResult r = run(again ? with(args, {"--resume"}) : args);
    EXPECT_EQ(r.exit_code, 1) << r.err;
    EXPECT_THAT(r.err, HasSubstr("failed: huge"));
    EXPECT_THAT(r.out, HasSubstr("failed: [train]"));
    const auto out = results("failing");
    EXPECT_EQ(out.at("runs")[0].at("name"), "sound");
    EXPECT_EQ(out.at("runs")[0].at("status"), "finished");
    EXPECT_EQ(out.at("runs")[1].at("status"), "failed");
    EXPECT_THAT(out.at("runs")[1].at("error").get<std::string>(), HasSubstr("step 2"));
    EXPECT_TRUE(out.at("runs")[1].at("miou").is_null());
  }
}

TEST_F(Compare, ResumeTrainsWhatIsMissingAndAddsRuns) {
  const Args args = compare("whole", {"--models", "conv1x1,unet", "--quiet"});
  ASSERT_EQ(run(args).exit_code, 0);
  const auto whole = [&](const std::string& name) {
    return file_bytes(scratch_ / ("whole/" + name + "/" + last_checkpoint));
  };
  // A run in the middle of an epoch, as an interruption leaves it, and one that was not begun.
  const Args part = with({"train"}, Args(args.begin() + 1, args.end() - 5));
  ASSERT_EQ(run(compare("parts", {"--models", "conv1x1"})).exit_code, usage)
      << "conv1x1 has no width";
  const Args unet = with(part, {"--quiet", "--stop-after", "1", "--out", scratch_ / "parts/unet"});
  const ProgramResult stopped = run(unet);
  ASSERT_EQ(stopped.exit_code, 0) << stopped.err;
  ASSERT_EQ(read_checkpoint(scratch_ / "parts/unet/last.safetensors").state.step, 1);

  const Args resumed = compare("parts", {"--models", "conv1x1,unet", "--resume"});
  const ProgramResult first = run(resumed);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("resuming after step 1"));
  for (const char* name : {"conv1x1", "unet"})
    EXPECT_TRUE(file_bytes(scratch_ / (std::string("parts/") + name + "/" + last_checkpoint)) ==
                whole(name))
        << name;

  // All of it is in the folder: nothing is trained again, and nothing else need be said.
  const auto written = fs::last_write_time(scratch_ / "parts/unet/last.safetensors");
  const ProgramResult nothing = run({"compare", "--resume", "--out", scratch_ / "parts"});
  ASSERT_EQ(nothing.exit_code, 0) << nothing.err;
  EXPECT_THAT(nothing.err, Not(HasSubstr("epoch 1/2")));
  EXPECT_EQ(fs::last_write_time(scratch_ / "parts/unet/last.safetensors"), written);

  const ProgramResult more =
      run(compare("parts", {"--run", "later: model=unet lr=1e-3", "--resume"}));
  ASSERT_EQ(more.exit_code, 0) << more.err;
  EXPECT_EQ(results("parts").at("runs").size(), 3u);

  const ProgramResult other =
      run(compare("parts", {"--models", "unet", "--resume", "--lr", "0.5"}));
  EXPECT_EQ(other.exit_code, usage);
  EXPECT_THAT(other.err, HasSubstr("holds a run with lr 0.004, this one has 0.5"));
  const ProgramResult unasked = run(compare("parts", {"--models", "unet"}));
  EXPECT_EQ(unasked.exit_code, usage);
  EXPECT_THAT(unasked.err, HasSubstr("already holds a comparison"));
}

TEST_F(Compare, ASignalSavesAndResumeEndsWithTheSameBits) {
  const Args recipe{"--models", "unet,conv1x1", "--quiet", "--epochs", "6"};
  ASSERT_EQ(run(compare("whole", recipe)).exit_code, 0);
  ProgramResult interrupted;
  // The runs are short: they may end before the signal comes, and are then started again.
  for (int attempt = 0; attempt < 20; ++attempt) {
    fs::remove_all(scratch_ / "cut");
    Program program(scratch_.path(), compare("cut", recipe));
    while (!fs::exists(scratch_ / "cut/unet/metrics.csv") &&
           !program.wait_for(std::chrono::milliseconds(1))) {
    }
    program.send(SIGINT);
    interrupted = program.wait();
    if (interrupted.exit_code != 0) break;
  }
  ASSERT_EQ(interrupted.exit_code, 128 + SIGINT) << interrupted.err;
  EXPECT_EQ(results("cut").at("runs").size(), 2u);
  EXPECT_EQ(run_named(results("cut"), "conv1x1").at("status"), "waiting");
  const ProgramResult resumed =
      run({"compare", "--resume", "--panels", "2", "--out", scratch_ / "cut"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  for (const std::string name : {"unet", "conv1x1"})
    for (const char* file : {last_checkpoint, best_checkpoint})
      EXPECT_TRUE(file_bytes(scratch_ / ("cut/" + name + "/" + file)) ==
                  file_bytes(scratch_ / ("whole/" + name + "/" + file)))
          << name << " " << file;
  EXPECT_TRUE(file_bytes(scratch_ / "cut/compare.png") ==
              file_bytes(scratch_ / "whole/compare.png"));
}

TEST_F(Compare, NothingIsTrainedBeforeAllIsKnownToBeSound) {
  const auto refused = [&](const Args& more, int code, const std::string& message) {
    expect_error(compare("none", more), code, HasSubstr(message));
    EXPECT_FALSE(fs::exists(scratch_ / "none"));
  };
  refused({"--models", "unet,vnet"}, usage, "vnet");
  refused({"--run", "a: lr=1e-3", "--run", "b: wings=2"}, usage, "wings");
  refused({"--grid", "width=4,many"}, usage, "unet_width=many");
  refused({"--grid", "loss=cross_entropy,dyce"}, usage, "dyce");
  refused({"--run", "a: lr=1e-3", "--run", "b: weights=none.pth"}, bad_checkpoint, "none.pth");
  refused({"--random", "2"}, usage, "expected --grid");
  expect_error({"compare"}, usage, HasSubstr("--data"));
  expect_error({"compare", "--resume", "--out", scratch_ / "none"}, usage, HasSubstr("--data"));
}

/// Metrics of the run, a line an epoch.
std::vector<nlohmann::json> metrics(const fs::path& run) {
  std::vector<nlohmann::json> out;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

TEST_F(Compare, ValidationCanBeLeftOutOfEpochs) {
  const auto recipe = [&](const std::string& out, const Args& more) {
    return with({"train", "--quiet", "--data", "streets", "--size", "32", "32", "--count", "8",
                 "--epochs", "5", "--width", "2", "--depth", "1", "--out", scratch_ / out},
                more);
  };
  ASSERT_EQ(run(recipe("each", {})).exit_code, 0);
  ASSERT_EQ(run(recipe("second", {"--validate-every", "2"})).exit_code, 0);
  const auto each = metrics(scratch_ / "each"), second = metrics(scratch_ / "second");
  ASSERT_EQ(second.size(), 5u);
  double best = -1;
  int best_epoch = 0;
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(second[i].at("train_loss"), each[i].at("train_loss"));
    if (i == 1 || i == 3 || i == 4) {
      for (const char* score : {"val_loss", "miou", "pixel_accuracy", "iou"})
        EXPECT_EQ(second[i].at(score), each[i].at(score)) << i;
      if (second[i].at("miou") > best) {
        best = second[i].at("miou");
        best_epoch = static_cast<int>(i) + 1;
      }
    } else {
      EXPECT_TRUE(second[i].at("miou").is_null()) << i;
      EXPECT_TRUE(second[i].at("iou").at("Sky").is_null()) << i;
    }
    const fs::path panel = scratch_ / ("second/panels/epoch_00" + std::to_string(i + 1) + ".png");
    EXPECT_EQ(fs::exists(panel), i == 1 || i == 3 || i == 4) << panel;
  }
  const Checkpoint last = read_checkpoint(scratch_ / "second/last.safetensors");
  EXPECT_EQ(last.state.best_miou, best);
  EXPECT_EQ(last.state.best_epoch, best_epoch);
  EXPECT_EQ(read_checkpoint(scratch_ / "second/best.safetensors").state.epoch, best_epoch);

  // Resumed after an epoch without validation: the same bytes.
  const ProgramResult stopped =
      run(recipe("parts", {"--validate-every", "2", "--stop-after", "2", "--json"}));
  ASSERT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_FALSE(nlohmann::json::parse(stopped.out).contains("best_miou"));
  ASSERT_EQ(run({"train", "--quiet", "--resume", "--out", scratch_ / "parts"}).exit_code, 0);
  EXPECT_TRUE(file_bytes(scratch_ / "parts/last.safetensors") ==
              file_bytes(scratch_ / "second/last.safetensors"));
}

}  // namespace
}  // namespace pixelgrad
