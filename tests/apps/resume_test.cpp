// A run that is killed, interrupted or stopped and then resumed ends with the same bytes as one
// that was left alone, and no finished checkpoint is ever lost or torn.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <thread>

#include "apps/engine/checkpoint.h"
#include "tensor/kernels/target.h"
#include "tensor/random.h"
#include "tests/apps/program.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using testing::file_bytes;
using testing::Program;
using testing::ProgramResult;
using testing::run_program;
using testing::ScratchFolder;

/// A small run that uses everything with state: batch norm, AdamW, a schedule, shuffling,
/// augmentation, dropout.
std::vector<std::string> recipe(const std::string& out) {
  return {"train",    "--quiet",   "--data", "streets",  "--size", "32",
          "48",       "--count",   "24",     "--width",  "4",      "--depth",
          "2",        "--dropout", "0.1",    "--epochs", "3",      "--batch-size",
          "3",        "--jitter",  "0.2",    "--scale",  "0.8",    "1.2",
          "--panels", "1",         "--out",  out};
}

std::vector<std::string> with(std::vector<std::string> args, const std::vector<std::string>& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

/// The final checkpoints of a run that nobody disturbed.
class Resume : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ScratchFolder;
    const ProgramResult r = run_program(folder_->path(), recipe(*folder_ / "whole"));
    ASSERT_EQ(r.exit_code, 0) << r.err;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static void expect_same_as_whole(const std::string& run) {
    for (const char* name : {last_checkpoint, best_checkpoint}) {
      const std::string expected = file_bytes(folder_->path() / "whole" / name);
      ASSERT_FALSE(expected.empty());
      EXPECT_TRUE(file_bytes(std::filesystem::path(run) / name) == expected) << run << "/" << name;
    }
  }
  static ScratchFolder* folder_;
};
ScratchFolder* Resume::folder_ = nullptr;

TEST_F(Resume, AnotherRunHasTheSameBytes) {
  const std::string run = *folder_ / "again";
  ASSERT_EQ(run_program(folder_->path(), with(recipe(run), {"--threads", "1", "--workers", "3"}))
                .exit_code,
            0);
  expect_same_as_whole(run);
}

TEST_F(Resume, StoppedInTheMiddleOfAnEpoch) {
  const std::string run = *folder_ / "stopped";
  for (int part = 0; part < 5; ++part) {
    const ProgramResult r =
        run_program(folder_->path(), with(recipe(run), {"--resume", "--stop-after", "5"}));
    ASSERT_EQ(r.exit_code, 0) << r.err;
  }
  expect_same_as_whole(run);
}

// An epoch has 8 steps; its last one counts like any other.
TEST_F(Resume, StopsAfterSoManySteps) {
  const std::string run = *folder_ / "counted";
  int64_t step = 0;
  for (const int64_t more : {8, 9, 7}) {
    const ProgramResult r = run_program(
        folder_->path(), with(recipe(run), {"--resume", "--stop-after", std::to_string(more)}));
    ASSERT_EQ(r.exit_code, 0) << r.err;
    step += more;
    EXPECT_EQ(read_checkpoint(std::filesystem::path(run) / last_checkpoint).state.step, step);
  }
  expect_same_as_whole(run);
}

TEST_F(Resume, TerminatedBySignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const std::string run = *folder_ / ("signal" + std::to_string(signal));
    const std::filesystem::path last = std::filesystem::path(run) / last_checkpoint;
    ProgramResult interrupted;
    // The run is short: it may end before the signal comes, and is then started again.
    for (int attempt = 0; attempt < 20; ++attempt) {
      std::filesystem::remove_all(run);
      Program program(folder_->path(), recipe(run));
      while (!std::filesystem::exists(last) && !program.wait_for(std::chrono::milliseconds(1))) {
      }
      program.send(signal);
      interrupted = program.wait();
      if (interrupted.exit_code != 0) break;
    }
    ASSERT_EQ(interrupted.exit_code, 128 + signal) << interrupted.err;
    const Checkpoint saved = read_checkpoint(last);
    EXPECT_GT(saved.state.step, 0);
    const ProgramResult resumed =
        run_program(folder_->path(), {"train", "--quiet", "--resume", "--out", run});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    expect_same_as_whole(run);
  }
}

TEST_F(Resume, KilledAtRandomMoments) {
  // PIXELGRAD_TEST_KILLS asks for more than the few that fit a test run.
  const char* asked = std::getenv("PIXELGRAD_TEST_KILLS");
  const int kills = asked ? std::atoi(asked) : 20;
  const std::string run = *folder_ / "killed";
  const std::vector<std::string> args = with(recipe(run), {"--resume", "--save-every", "1"});
  Random random({.seed = 7});
  int64_t reached = 0;
  int ended = 0;
  for (int i = 0; i < kills; ++i) {
    Program program(folder_->path(), args);
    if (program.wait_for(std::chrono::milliseconds(random.below(250)))) {
      ASSERT_EQ(program.wait().exit_code, 0);
      // Finished before the kill: begin anew, to be killed again.
      expect_same_as_whole(run);
      std::filesystem::remove_all(run);
      reached = 0;
      ++ended;
      continue;
    }
    program.send(SIGKILL);
    program.wait();
    const auto last = std::filesystem::path(run) / last_checkpoint;
    if (!std::filesystem::exists(last)) {
      ASSERT_EQ(reached, 0) << "the checkpoint of step " << reached << " is gone";
      continue;
    }
    const Checkpoint checkpoint = read_checkpoint(last);  // throws when torn
    EXPECT_GE(checkpoint.state.step, reached) << "a finished checkpoint was lost";
    reached = checkpoint.state.step;
  }
  RecordProperty("runs that ended before the kill", ended);
  const ProgramResult r = run_program(folder_->path(), args);
  ASSERT_EQ(r.exit_code, 0) << r.err;
  expect_same_as_whole(run);
  for (const auto& entry : std::filesystem::directory_iterator(run))
    EXPECT_EQ(entry.path().filename().string().find("tmp"), std::string::npos) << entry.path();
}

/// So narrow a network is left to the direct kernels, unless Winograd is asked for.
TEST_F(Resume, TheConvolutionAlgorithmChangesTheBits) {
  const auto weights = [&](const std::string& algorithm) {
    const std::string run = *folder_ / algorithm;
    EXPECT_EQ(run_program(folder_->path(), with(recipe(run), {"--conv-algo", algorithm})).exit_code,
              0);
    const Tensor t = read_checkpoint(std::filesystem::path(run) / last_checkpoint).model[0].tensor;
    return std::vector<float>(t.data<float>(), t.data<float>() + t.numel());
  };
  const Checkpoint whole = read_checkpoint(folder_->path() / "whole" / last_checkpoint);
  const Tensor automatic = whole.model[0].tensor;
  const std::vector<float> direct = weights("direct");
  EXPECT_TRUE(std::equal(direct.begin(), direct.end(), automatic.data<float>()));
  EXPECT_NE(weights("winograd"), direct);
}

/// Everything in two checkpoints but the recipe.
void expect_same_training(const Checkpoint& got, const Checkpoint& expected) {
  EXPECT_EQ(got.state.step, expected.state.step);
  EXPECT_EQ(got.state.loss_sum, expected.state.loss_sum);
  EXPECT_EQ(got.state.best_miou, expected.state.best_miou);
  ASSERT_EQ(got.state.history.size(), expected.state.history.size());
  for (size_t i = 0; i < expected.state.history.size(); ++i)
    EXPECT_EQ(got.state.history[i].train_loss, expected.state.history[i].train_loss);
  for (const auto part : {&Checkpoint::model, &Checkpoint::optimizer}) {
    ASSERT_EQ((got.*part).size(), (expected.*part).size());
    for (size_t i = 0; i < (expected.*part).size(); ++i) {
      const NamedTensor &a = (got.*part)[i], &b = (expected.*part)[i];
      EXPECT_EQ(a.name, b.name);
      ASSERT_EQ(a.tensor.bytes(), b.tensor.bytes());
      EXPECT_EQ(std::memcmp(a.tensor.raw(), b.tensor.raw(), a.tensor.bytes()), 0) << a.name;
    }
  }
}

TEST_F(Resume, CheckpointedActivationsAlterNothingAndMayChange) {
  const std::string run = *folder_ / "activations";
  const auto go_on = [&](const std::vector<std::string>& options) {
    const ProgramResult r = run_program(folder_->path(), with(recipe(run), options));
    ASSERT_EQ(r.exit_code, 0) << r.err;
  };
  const auto last = [&] { return read_checkpoint(std::filesystem::path(run) / last_checkpoint); };
  go_on({"--checkpoint-activations", "--stop-after", "5"});
  EXPECT_TRUE(last().config.checkpoint_activations);
  go_on({"--resume", "--stop-after", "5"});
  EXPECT_TRUE(last().config.checkpoint_activations) << "not asked for a change";
  go_on({"--resume", "--stop-after", "5", "--checkpoint-activations=false"});
  EXPECT_FALSE(last().config.checkpoint_activations);
  go_on({"--resume", "--checkpoint-activations"});
  EXPECT_TRUE(last().config.checkpoint_activations);
  for (const char* name : {last_checkpoint, best_checkpoint})
    expect_same_training(read_checkpoint(std::filesystem::path(run) / name),
                         read_checkpoint(folder_->path() / "whole" / name));
}

TEST_F(Resume, AContradictingOptionIsRefused) {
  const auto error = [&](const std::string& option, const std::string& value) {
    const ProgramResult r = run_program(
        folder_->path(), {"train", "--resume", "--out", *folder_ / "whole", option, value});
    EXPECT_EQ(r.exit_code, 2);
    return r.err;
  };
  EXPECT_THAT(error("--lr", "0.5"), ::testing::HasSubstr("--lr 0.5 differs from the run's 0.004"));
  EXPECT_THAT(error("--conv-algo", "direct"),
              ::testing::HasSubstr("--conv-algo \"direct\" differs from the run's \"auto\""));
  if (kernels::has_bf16_instructions()) {
    EXPECT_THAT(error("--precision", "bf16"),
                ::testing::HasSubstr("--precision \"bf16\" differs from the run's \"f32\""));
  }
}

/// As files of earlier versions are read, which did not have every option.
TEST(Config, WhatIsMissingKeepsItsDefault) {
  const TrainConfig config = train_config_from_json(R"({"data": "streets", "lr": 0.5})");
  EXPECT_EQ(config.data, "streets");
  EXPECT_EQ(config.lr, 0.5);
  EXPECT_EQ(config.loss, "cross_entropy");
  EXPECT_THROW(train_config_from_json(R"({"lr": 0.5, "speed": 1})"), CheckpointError);
}

TEST_F(Resume, ARunIsNotOverwrittenUnasked) {
  const ProgramResult r = run_program(folder_->path(), recipe(*folder_ / "whole"));
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("already holds a run"), std::string::npos) << r.err;
}

}  // namespace
}  // namespace pixelgrad
