// What a person sees who gives the program something wrong: one line that names it, the right exit
// code, and nothing half-written.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "data/image_io.h"
#include "data/label_png.h"
#include "tensor/device.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ProgramResult;

class Cli : public testing::ProgramTest {
 protected:
  /// Trains on the folder into "run" and expects it to fail before anything is written there.
  void expect_bad_data(const ::testing::Matcher<std::string>& message) {
    expect_error({"train", "--quiet", "--data", data(), "--width", "2", "--depth", "1", "--out",
                  scratch_ / "run"},
                 bad_data, message);
    EXPECT_FALSE(fs::exists(scratch_ / "run/last.safetensors"));
  }

  std::string data() { return scratch_ / "data"; }

  /// Four images of 16x16 with masks of ids 0 and 1, half of them for validation.
  void make_data() {
    for (const char* split : {"train", "val"}) {
      const fs::path root = fs::path(data()) / split;
      fs::create_directories(root / "images");
      fs::create_directories(root / "masks");
      for (const char* name : {"a.png", "b.png"}) {
        write_png(root / "images" / name, Image(16, 16, 3));
        LabelMap labels(16, 16);
        labels.at(3, 4) = 1;
        write_label_png(root / "masks" / name, labels);
      }
    }
    std::ofstream(fs::path(data()) / "classes.txt") << "background\nthing\n";
  }
};

TEST_F(Cli, HelpListsCommandsAndOptions) {
  const ProgramResult r = run({"--help"});
  EXPECT_EQ(r.exit_code, 0);
  for (const char* command : {"train", "evaluate", "predict", "data", "gradcheck", "doctor"})
    EXPECT_THAT(r.out, HasSubstr(command));
  EXPECT_THAT(run({"train", "--help"}).out,
              AllOf(HasSubstr("--epochs"), HasSubstr("--width"), HasSubstr("--schedule")));
  EXPECT_THAT(run({"--version"}).out, HasSubstr("pixelgrad"));
}

TEST_F(Cli, ADeviceThatIsNotThere) {
  // These take away what devices there may be, the emulated ones too.
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  setenv("PIXELGRAD_EMULATOR_DEVICES", "0", 1);
  expect_error({"train", "--quiet", "--data", "streets", "--size", "32", "32", "--count", "4",
                "--width", "2", "--depth", "1", "--device", "cuda", "--out", scratch_ / "run"},
               run_failed, HasSubstr(has_cuda ? "no CUDA device" : "no CUDA backend"));
  EXPECT_FALSE(fs::exists(scratch_ / "run"));
}

TEST_F(Cli, UsageErrors) {
  expect_error({}, usage, HasSubstr("subcommand"));
  expect_error({"train"}, usage, HasSubstr("--data"));
  expect_error({"train", "--data", "streets", "--epoch", "3"}, usage, HasSubstr("--epoch"));
  expect_error({"train", "--data", "streets", "--epochs", "0"}, usage, HasSubstr("--epochs"));
  expect_error({"train", "--data", "streets", "--optimizer", "lbfgs"}, usage,
               AllOf(HasSubstr("lbfgs"), HasSubstr("adamw")));
  expect_error({"train", "--data", "streets", "--loss", "cross_entropy+dyce"}, usage,
               AllOf(HasSubstr("dyce"), HasSubstr("lovasz")));
  expect_error({"train", "--data", "streets", "--model", "vnet"}, usage,
               AllOf(HasSubstr("vnet"), HasSubstr("unet")));
  expect_error({"train", "--data", "streets", "--model-option", "wings=2"}, usage,
               AllOf(HasSubstr("wings"), HasSubstr("width")));
  expect_error({"train", "--data", "streets", "--width", "many"}, usage,
               AllOf(HasSubstr("width"), HasSubstr("many")));
  expect_error({"train", "--data", "streets", "--conv-algo", "fft"}, usage,
               AllOf(HasSubstr("fft"), HasSubstr("winograd")));
  expect_error({"train", "--config", scratch_ / "none.toml"}, usage, HasSubstr("none.toml"));
  expect_error({"evaluate"}, usage, HasSubstr("--run"));
  expect_error({"gradcheck"}, usage, HasSubstr("--all"));
  expect_error({"gradcheck", "--all", "--layer", "ReLU"}, usage, HasSubstr("expected one"));
  expect_error({"gradcheck", "--layer", "ReLu"}, usage, HasSubstr("LeakyReLU"));
  expect_error({"gradcheck", "--op", "relu", "--sample", "none"}, usage, HasSubstr("3 channels"));
  expect_error({"gradcheck", "--op", "relu", "--inject", "any"}, usage, HasSubstr("'mutants'"));
  expect_error({"gradcheck", "--op", "conv3d"}, usage,
               AllOf(HasSubstr("conv3d"), HasSubstr("conv2d")));
  EXPECT_FALSE(fs::exists(scratch_ / "run"));
}

TEST_F(Cli, MissingFolder) { expect_bad_data(HasSubstr(data())); }

TEST_F(Cli, ImageWithoutMask) {
  make_data();
  fs::remove(fs::path(data()) / "train/masks/b.png");
  expect_bad_data(HasSubstr("train/images/b.png"));
}

TEST_F(Cli, SizesThatDiffer) {
  make_data();
  write_label_png(fs::path(data()) / "train/masks/b.png", LabelMap(16, 17));
  expect_bad_data(AllOf(HasSubstr("b.png"), HasSubstr("16"), HasSubstr("17")));
}

TEST_F(Cli, LabelOutsideTheClasses) {
  make_data();
  LabelMap labels(16, 16);
  labels.at(5, 9) = 7;
  write_label_png(fs::path(data()) / "train/masks/a.png", labels);
  expect_bad_data(
      AllOf(HasSubstr("train/masks/a.png"), HasSubstr("7"), HasSubstr("9"), HasSubstr("5")));
}

TEST_F(Cli, RgbMaskWhereIdsAreDue) {
  make_data();
  write_png(fs::path(data()) / "train/masks/a.png", Image(16, 16, 3));
  expect_bad_data(AllOf(HasSubstr("train/masks/a.png"), HasSubstr("RGB")));
}

TEST_F(Cli, TruncatedPng) {
  make_data();
  const fs::path file = fs::path(data()) / "val/images/a.png";
  fs::resize_file(file, fs::file_size(file) / 2);
  expect_bad_data(HasSubstr("val/images/a.png"));
}

TEST_F(Cli, BadCheckpoints) {
  expect_error({"evaluate", "--run", scratch_ / "none"}, bad_checkpoint, HasSubstr("none"));
  std::ofstream(scratch_ / "bad.safetensors") << "not a checkpoint";
  expect_error({"predict", "--checkpoint", scratch_ / "bad.safetensors", scratch_.path().string()},
               bad_data, HasSubstr("no PNG"));
  write_png(scratch_ / "photo.png", Image(20, 30, 3));
  expect_error({"predict", "--checkpoint", scratch_ / "bad.safetensors", scratch_ / "photo.png"},
               bad_checkpoint, HasSubstr("bad.safetensors"));
}

TEST_F(Cli, ConfigFileAndCommandLine) {
  std::ofstream(scratch_ / "small.toml")
      << "data = \"streets\"\nsize = [32, 48]\ncount = 4\nwidth = 2\ndepth = 1\nepochs = 2\n";
  const ProgramResult r = run({"train", "--json", "--config", scratch_ / "small.toml", "--epochs",
                               "1", "--out", scratch_ / "run"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(nlohmann::json::parse(r.out).at("epochs"), 1);
  const auto config = nlohmann::json::parse(testing::file_bytes(scratch_ / "run/config.json"));
  EXPECT_EQ(config.at("size"), nlohmann::json({32, 48}));
  EXPECT_EQ(config.at("model_options").at("width"), "2");
}

// Train, evaluate and predict on a folder, with images whose size no network likes.
TEST_F(Cli, TrainEvaluatePredict) {
  ASSERT_EQ(
      run({"data", "streets", "--out", data(), "--train", "6", "--val", "2", "--size", "35", "50"})
          .exit_code,
      0);
  const ProgramResult trained = run({"train", "--json", "--data", data(), "--width", "4", "--depth",
                                     "2", "--epochs", "1", "--out", scratch_ / "run"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  for (const char* file : {"config.json", "metrics.csv", "metrics.jsonl", "last.safetensors",
                           "best.safetensors", "panels/epoch_001.png", "report.html"})
    EXPECT_TRUE(fs::exists(fs::path(scratch_ / "run") / file)) << file;

  const ProgramResult scored =
      run({"evaluate", "--run", scratch_ / "run", "--data", data(), "--split", "val", "--json"});
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  const auto scores = nlohmann::json::parse(scored.out);
  EXPECT_EQ(scores.at("images"), 2);
  EXPECT_EQ(scores.at("iou").size(), 11u);
  EXPECT_EQ(scores.at("miou"), nlohmann::json::parse(trained.out).at("last").at("miou"));

  const ProgramResult predicted =
      run({"predict", "--run", scratch_ / "run", data() + "/val/images", "--save",
           "palette,overlay,ids", "--out", scratch_ / "predictions"});
  ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(scratch_ / "predictions")) {
    EXPECT_EQ(image_size(entry.path()), (ImageSize{35, 50}));
    ++files;
  }
  EXPECT_EQ(files, 6);
}

// The layout of a known data set from files to scores: classes follow --labels, and evaluate takes
// those of the training.
TEST_F(Cli, CityscapesWithThirtyFourIds) {
  ASSERT_EQ(run({"data", "streets", "--layout", "cityscapes", "--out", data(), "--train", "2",
                 "--val", "1", "--size", "32", "48"})
                .exit_code,
            0);
  const ProgramResult checked =
      run({"data", "check", "--data", data(), "--labels", "34", "--json"});
  ASSERT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_EQ(nlohmann::json::parse(checked.out).at("val").at("classes").size(), 34u);
  const ProgramResult trained =
      run({"train", "--quiet", "--data", data(), "--labels", "34", "--width", "2", "--depth", "1",
           "--epochs", "1", "--out", scratch_ / "run"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const ProgramResult scored = run({"evaluate", "--run", scratch_ / "run", "--json"});
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  const auto iou = nlohmann::json::parse(scored.out).at("iou");
  EXPECT_EQ(iou.size(), 34u);
  EXPECT_TRUE(iou.at("road").is_number());
  EXPECT_TRUE(iou.at("unlabeled").is_null());  // not scored
  expect_error({"evaluate", "--run", scratch_ / "run", "--labels", "19"}, bad_data,
               HasSubstr("the network was trained on unlabeled, ego vehicle"));
}

TEST_F(Cli, PairsCannotGiveThirtyFourIds) {
  fs::create_directories(fs::path(data()) / "train");
  write_png(fs::path(data()) / "train/1.png", Image(16, 32, 3));
  expect_error({"data", "check", "--data", data(), "--labels", "34"}, usage, HasSubstr("gtFine"));
}

TEST_F(Cli, GradcheckReport) {
  const ProgramResult r = run({"gradcheck", "--op", "relu", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto report = nlohmann::json::parse(r.out);
  EXPECT_TRUE(report.at("passed"));
  EXPECT_EQ(report.at("ops").at(0).at("name"), "relu");
  EXPECT_LE(report.at("ops").at(0).at("worst_scaled_error"), 1e-8);
  EXPECT_GT(report.at("ops").at(0).at("elements"), 0);
}

TEST_F(Cli, GradcheckOfLayersModelsAndSinglePrecision) {
  const fs::path page = scratch_ / "page.html";
  for (const std::vector<std::string>& what :
       {std::vector<std::string>{"--layer", "ConvBnAct", "--html", page.string()},
        {"--model", "unet", "--sample", "transposed convolutions", "--seed", "3"},
        {"--op", "conv2d", "--dtype", "f32", "--sample", "2 groups"}}) {
    std::vector<std::string> args{"gradcheck"};
    args.insert(args.end(), what.begin(), what.end());
    const ProgramResult r = run(args);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_THAT(r.out, HasSubstr("passed: tolerance")) << what[0];
  }
  const std::string html = testing::file_bytes(page);
  EXPECT_THAT(html, AllOf(HasSubstr("ConvBnAct"), HasSubstr("data:image/png;base64,")));
}

TEST_F(Cli, GradcheckThatFailsSaysHowToRunItAgain) {
  const ProgramResult r = run({"gradcheck", "--op", "sigmoid", "--tolerance", "1e-19"});
  EXPECT_EQ(r.exit_code, check_failed);
  EXPECT_THAT(r.out, HasSubstr("again: pixelgrad gradcheck --op sigmoid --sample '"));
}

TEST_F(Cli, DataCheckFindsProblems) {
  make_data();
  EXPECT_EQ(run({"data", "check", "--data", data()}).exit_code, 0);
  LabelMap labels(16, 16);
  labels.at(5, 9) = 7;
  write_label_png(fs::path(data()) / "train/masks/a.png", labels);
  const ProgramResult r = run({"data", "check", "--data", data(), "--json"});
  EXPECT_EQ(r.exit_code, check_failed);
  EXPECT_THAT(r.out, HasSubstr("train/masks/a.png"));
}

}  // namespace
}  // namespace pixelgrad
