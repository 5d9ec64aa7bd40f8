// pixelgrad receptive-field as a person calls it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/image_io.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

using nlohmann::json;
using testing::file_bytes;
using ::testing::HasSubstr;
using testing::ProgramResult;

class ReceptiveFieldCommand : public testing::ProgramTest {
 protected:
  /// A U-Net whose field is 18 x 18 (summary_test).
  std::vector<std::string> unet(const std::vector<std::string>& more) {
    std::vector<std::string> args = {"receptive-field", "unet",    "--option", "width=2",
                                     "--option",        "depth=1", "--option", "norm=none",
                                     "--input",         "30x40",   "--images", "2"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  json result(std::vector<std::string> args) {
    args.push_back("--json");
    const ProgramResult r = run(args);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return r.exit_code == 0 ? json::parse(r.out) : json();
  }
};

TEST_F(ReceptiveFieldCommand, SaysWhereTheFieldIs) {
  const json out = result(unet({}));
  EXPECT_EQ(out["model"], "unet");
  EXPECT_EQ(out["image"], json({30, 40}));
  EXPECT_EQ(out["output_pixel"], json({15, 20}));
  EXPECT_EQ(out["center"], json({15, 20}));
  // Row 15 is the second one of its pair: one more of the rows that it sees lies above it.
  EXPECT_EQ(out["theoretical"], json({{"top", 6}, {"left", 12}, {"height", 18}, {"width", 18}}));
  EXPECT_EQ(out["whole_image"], false);
  EXPECT_EQ(out["share_inside_theoretical"], 1.0);
  ASSERT_EQ(out["effective"].size(), 4u);
  int64_t before = 1;
  for (const json& box : out["effective"]) {
    EXPECT_GE(box["side"], before);
    EXPECT_LE(box["side"], 19);
    before = box["side"];
  }
  const ProgramResult table = run(unet({}));
  EXPECT_THAT(table.out,
              HasSubstr("theoretical      18x18 at (6, 12): holds 100 % of the gradient"));
  EXPECT_EQ(run(unet({})).out, table.out);
  EXPECT_NE(run(unet({"--seed", "1"})).out, table.out);
}

TEST_F(ReceptiveFieldCommand, DrawsAPicture) {
  const std::string path = scratch_ / "field.png", other = scratch_ / "other.png";
  const json out = result(unet({"--out", path, "--zoom", "5"}));
  EXPECT_EQ(out["picture"], path);
  const Image image = read_image(path);
  EXPECT_EQ(image.height, 150);
  EXPECT_EQ(image.width, 200);
  const auto pixel = [&](int64_t y, int64_t x) {
    const uint8_t* p = image.at(y, x);
    return Rgb{p[0], p[1], p[2]};
  };
  const Rgb gray = pixel(2, 2), blue = pixel(5 * 6, 5 * 20);
  EXPECT_EQ(pixel(5 * 5 + 2, 5 * 20 + 2), gray) << "exactly 0 above the theoretical box";
  EXPECT_NE(pixel(5 * 15 + 2, 5 * 20 + 2), gray);
  EXPECT_NE(blue, gray);
  EXPECT_EQ(pixel(5 * 20, 5 * 30 - 1), blue) << "its right edge";
  const json& box = out["effective"][1]["box"];
  EXPECT_EQ(out["effective"][1]["share"], 0.9);
  const Rgb green = pixel(5 * box["top"].get<int64_t>(), 5 * box["left"].get<int64_t>());
  EXPECT_NE(green, blue);
  EXPECT_EQ(pixel(5 * (box["top"].get<int64_t>() + box["height"].get<int64_t>()) - 1,
                  5 * (box["left"].get<int64_t>() + box["width"].get<int64_t>()) - 1),
            green);
  for (const char* scale : {"sqrt", "log"}) {
    EXPECT_THAT(run(unet({"--out", other, "--scale", scale, "--zoom", "5"})).out, HasSubstr(scale));
    EXPECT_EQ(file_bytes(other) == file_bytes(path), scale == std::string("log"));
  }
}

TEST_F(ReceptiveFieldCommand, TakesAnySizeAndTrainedNetworks) {
  // A PSPNet takes 8 k + 1.
  const json psp = result({"receptive-field", "pspnet-resnet18", "--option", "width=4", "--input",
                           "60x70", "--images", "1"});
  EXPECT_EQ(psp["image"], json({65, 73}));
  EXPECT_EQ(psp["whole_image"], true);

  const std::string folder = scratch_ / "run";
  const ProgramResult trained =
      run({"train", "--data", "streets", "--size", "32", "48", "--count", "4", "--model", "unet",
           "--width", "2", "--model-option", "depth=1", "--epochs", "1", "--out", folder});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const json of_run =
      result({"receptive-field", "--run", folder, "--input", "32x48", "--images", "2"});
  EXPECT_EQ(of_run["options"]["width"], "2");
  EXPECT_EQ(of_run["theoretical"]["height"], 18);
  EXPECT_EQ(of_run["share_inside_theoretical"], 1.0);
  const std::string checkpoint = folder + "/last.safetensors";
  EXPECT_EQ(
      result({"receptive-field", "--checkpoint", checkpoint, "--input", "32x48", "--images", "2"}),
      of_run);
  const std::string weights = scratch_ / "weights.safetensors";
  ASSERT_EQ(run({"weights", "convert", checkpoint, weights}).exit_code, 0);
  EXPECT_EQ(
      result({"receptive-field", "unet", "--option", "width=2", "--option", "depth=1", "--classes",
              "11", "--weights", weights, "--input", "32x48", "--images", "2"})["effective"],
      of_run["effective"]);
}

TEST_F(ReceptiveFieldCommand, NamesWhatIsMalformed) {
  expect_error({"receptive-field"}, usage, HasSubstr("the network is missing"));
  expect_error({"receptive-field", "unett"}, usage, HasSubstr("unknown model 'unett'"));
  expect_error({"receptive-field", "unet", "--run", "x"}, usage,
               HasSubstr("a network and a training run are named, expected one of them"));
  expect_error({"receptive-field", "--run", "x", "--classes", "3"}, usage, HasSubstr("--run"));
  expect_error({"receptive-field", "--run", scratch_ / "none"}, bad_checkpoint,
               HasSubstr("does not exist"));
  expect_error(unet({"--weights", scratch_ / "none"}), bad_checkpoint, HasSubstr("none"));
  expect_error(unet({"--input", "30"}), usage, HasSubstr("--input 30, expected HEIGHTxWIDTH"));
  expect_error(unet({"--images", "0"}), usage, HasSubstr("--images"));
  expect_error(unet({"--scale", "cubic"}), usage, HasSubstr("--scale"));
  expect_error(unet({"--decades", "0"}), usage, HasSubstr("--decades"));
  expect_error(unet({"--option", "wide=8"}), usage, HasSubstr("unknown option 'wide'"));
  expect_error(unet({"--out", scratch_ / "no" / "field.png"}), bad_data, HasSubstr("field.png"));
}

}  // namespace
}  // namespace pixelgrad
