// Networks that paint the label: their loss, from colours back to classes, and the program with
// --target rgb from training to pictures.
#include "apps/engine/painting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/dataset.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::file_bytes;
using ::testing::HasSubstr;
using testing::ProgramResult;

TEST(PaintingLoss, IsTheMeanSquareOfSigmoidLessTarget) {
  // sigmoid(ln 3) = 3/4 and sigmoid(0) = 1/2 against 1; the lower row is beyond the targets.
  Tensor logits = Tensor::zeros({1, 2, 2, 3}, Dtype::f64);
  for (int64_t i = 6; i < 12; ++i) logits.mutable_data<double>()[i] = 50;
  for (int64_t i = 0; i < 3; ++i) logits.mutable_data<double>()[i] = std::log(3.0);
  const Tensor targets = Tensor::full({1, 1, 2, 3}, 1, Dtype::f64);
  const double expected = (1.0 / 16 + 1.0 / 4) / 2;
  EXPECT_NEAR(painting_loss({.logits = logits}, targets).item(), expected, 1e-15);
  const Tensor aux = Tensor::zeros({1, 1, 2, 3}, Dtype::f64);
  EXPECT_NEAR(painting_loss({.logits = logits, .aux = aux, .aux_weight = 0.4}, targets).item(),
              expected + 0.4 / 4, 1e-15);
}

TEST(PaintedPicture, RoundsToEightBits) {
  const std::vector<float> values = {0, 0.5f / 255, 0.51f / 255, 1, 254.4f / 255, 0.2f};
  const Image picture = to_picture(Tensor::from({1, 1, 2, 3}, values));
  EXPECT_THAT(picture.pixels, ElementsAre(0, 1, 1, 255, 254, 51));
  EXPECT_THROW(to_picture(Tensor::zeros({1, 1, 2, 4}, Dtype::f32)), Error);
}

TEST(PaintedClasses, TheNearestColourThatIsScored) {
  const NearestColors colors =
      painted_classes({{.name = "void", .color = {0, 0, 0}, .scored = false},
                       {.name = "pole", .color = {100, 100, 100}},
                       {.name = "poles", .color = {100, 100, 100}},
                       {.name = "sky", .color = {0, 0, 255}}});
  Image picture(1, 3, 3);
  picture.pixels = {0, 0, 0, 90, 80, 255, 255, 255, 0};  // 173 from pole; 121 and 156; far off
  EXPECT_THAT(classes_of(picture, colors).ids, ElementsAre(1, 3, 1));
}

TEST(Psnr, TenTimesTheLogarithm) {
  EXPECT_NEAR(psnr(0.01), 20, 1e-12);
  EXPECT_NEAR(psnr(1), 0, 1e-12);
}

class Painting : public testing::ProgramTest {
 protected:
  std::string data() { return scratch_ / "pairs"; }

  void write_pairs(const std::string& height, const std::string& width) {
    ASSERT_EQ(run({"data", "streets", "--layout", "pairs", "--out", data(), "--train", "8", "--val",
                   "2", "--size", height, width})
                  .exit_code,
              0);
  }

  ProgramResult train(const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> args = {"train",       "--quiet", "--data",       data(),
                                     "--target",    "rgb",     "--out",        scratch_ / out,
                                     "--width",     "8",       "--lr",         "0.01",
                                     "--normalize", "unit",    "--batch-size", "4"};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  }

  nlohmann::json run_json(const std::vector<std::string>& args) {
    const ProgramResult r = run(args);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return nlohmann::json::parse(r.out);
  }

  std::vector<nlohmann::json> metrics(const std::string& out) {
    std::istringstream lines(file_bytes(scratch_ / out / "metrics.jsonl"));
    std::vector<nlohmann::json> rows;
    for (std::string line; std::getline(lines, line);) rows.push_back(nlohmann::json::parse(line));
    return rows;
  }
};

TEST_F(Painting, LearnsAndScoresAndPaints) {
  write_pairs("32", "48");
  ASSERT_EQ(train("run", {"--epochs", "12", "--depth", "2"}).exit_code, 0);
  const auto rows = metrics("run");
  ASSERT_EQ(rows.size(), 12u);
  EXPECT_LT(rows.back().at("train_loss"), 0.6 * rows[0].at("train_loss").get<double>());
  EXPECT_THAT(file_bytes(scratch_ / "run/metrics.csv"), HasSubstr(",psnr,\"iou "));

  const auto scores = run_json({"evaluate", "--json", "--run", scratch_ / "run"});
  EXPECT_EQ(scores.at("loss"), rows.back().at("val_loss"));
  EXPECT_EQ(scores.at("psnr"), rows.back().at("psnr"));
  EXPECT_EQ(scores.at("miou"), rows.back().at("miou"));

  // The painted pictures themselves give the same error, but for rounding, and the same ids.
  const auto val = open_dataset({.path = data(), .split = "val", .color_targets = true});
  fs::create_directories(scratch_ / "photos");
  for (int64_t i = 0; i < val->size(); ++i)
    write_png(scratch_ / "photos" / (std::to_string(i) + ".png"), val->load(i).image);
  run_json({"predict", "--json", "--run", scratch_ / "run", scratch_ / "photos", "--save",
            "rgb,ids,palette", "--out", scratch_ / "out"});
  ColorTable table(val->classes());
  double error = 0, sum = 0, squares = 0, values = 0, hits = 0, labelled = 0;
  for (int64_t i = 0; i < val->size(); ++i) {
    const Sample truth = val->load(i);
    const std::string name = scratch_ / ("out/" + std::to_string(i));
    const Image picture = read_image(name + "_rgb.png");
    const RawMask ids = read_mask(name + "_ids.png");
    ASSERT_EQ(picture.pixels.size(), truth.target.pixels.size());
    for (size_t j = 0; j < picture.pixels.size(); ++j, ++values) {
      const double target = truth.target.pixels[j] / 255.0;
      error += std::pow(picture.pixels[j] / 255.0 - target, 2);
      sum += target;
      squares += target * target;
    }
    for (size_t j = 0; j < truth.labels.ids.size(); ++j) {
      const uint8_t* p = &picture.pixels[3 * j];
      const uint8_t nearest = table.nearest({p[0], p[1], p[2]}, 500);
      ASSERT_EQ(ids.values[j], nearest) << j;
      if (truth.labels.ids[j] == ignore_label) continue;
      hits += nearest == truth.labels.ids[j];
      ++labelled;
    }
  }
  EXPECT_NEAR(scores.at("loss"), error / values, 1e-4);
  const double variance = squares / values - std::pow(sum / values, 2);
  EXPECT_LT(scores.at("loss"), 0.7 * variance) << "no better than one gray";
  EXPECT_NEAR(scores.at("pixel_accuracy"), hits / labelled, 1e-12);
}

TEST_F(Painting, ResizedAndResumedWithTheSameBits) {
  write_pairs("48", "64");
  const std::vector<std::string> recipe = {
      "--model", "pspnet-keras", "--resize", "28", "36", "--epochs", "2", "--scale", "0.8", "1.2"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), recipe.begin(), recipe.end());
    return more;
  };
  ASSERT_EQ(train("whole", recipe).exit_code, 0);
  ASSERT_EQ(train("parts", with({"--stop-after", "1"})).exit_code, 0);
  ASSERT_EQ(train("parts", with({"--resume", "--stop-after", "2"})).exit_code, 0);
  ASSERT_EQ(run({"train", "--quiet", "--resume", "--out", scratch_ / "parts"}).exit_code, 0);
  const std::string last = file_bytes(scratch_ / "whole/last.safetensors");
  ASSERT_FALSE(last.empty());
  EXPECT_EQ(file_bytes(scratch_ / "parts/last.safetensors"), last);
  EXPECT_EQ(image_size(scratch_ / "whole/panels/epoch_002.png"),
            (ImageSize{2 * 28 + 4, 3 * 36 + 2 * 4}));
  const auto scores = run_json({"evaluate", "--json", "--run", scratch_ / "whole"});
  EXPECT_EQ(scores.at("loss"), metrics("whole").back().at("val_loss"));
  const auto config = nlohmann::json::parse(file_bytes(scratch_ / "whole/config.json"));
  EXPECT_EQ(config.at("target"), "rgb");
  EXPECT_EQ(config.at("loss"), "mse");
  EXPECT_EQ(config.at("resize"), nlohmann::json({28, 36}));
}

TEST_F(Painting, RefusesWhatMakesNoSense) {
  write_pairs("32", "48");
  const auto error = [&](const std::vector<std::string>& more, const std::string& message) {
    const ProgramResult r = train("none", more);
    EXPECT_EQ(r.exit_code, usage) << r.err;
    EXPECT_THAT(r.err, HasSubstr(message));
    EXPECT_FALSE(fs::exists(scratch_ / "none"));
  };
  error({"--loss", "dice"}, "[train] --loss dice is for classes, --target rgb expects mse");
  error({"--class-weights", "median"}, "--class-weights median is for classes");
  error({"--label-smoothing", "0.1"}, "--label-smoothing 0.1 is for classes");
  expect_error({"train", "--data", "streets", "--target", "rgb"}, usage,
               HasSubstr("(target rgb) is for format pairs, got streets"));
  expect_error({"compare", "--data", data(), "--target", "rgb", "--models", "unet", "--out",
                scratch_ / "compared"},
               usage, HasSubstr("has --target rgb, expected class"));
  expect_error({"train", "--data", data(), "--loss", "mse"}, usage,
               HasSubstr("unknown loss 'mse'"));

  ASSERT_EQ(run({"train", "--quiet", "--data", data(), "--width", "2", "--depth", "1", "--epochs",
                 "1", "--out", scratch_ / "classes"})
                .exit_code,
            0);
  write_png(scratch_ / "photo.png", Image(16, 16, 3));
  expect_error({"predict", "--run", scratch_ / "classes", scratch_ / "photo.png", "--save", "rgb"},
               usage, HasSubstr("--save rgb is for networks trained with --target rgb"));
}

TEST_F(Painting, PicturesOfTwoSizesDoNotMakeABatch) {
  write_pairs("32", "48");
  write_png(data() + "/train/0.png", Image(40, 96, 3));
  const ProgramResult r = train("run", {"--epochs", "1", "--depth", "1"});
  EXPECT_EQ(r.exit_code, usage);
  EXPECT_THAT(r.err,
              AllOf(HasSubstr("needs images of one size in a batch"), HasSubstr("--resize")));
}

}  // namespace
}  // namespace pixelgrad
