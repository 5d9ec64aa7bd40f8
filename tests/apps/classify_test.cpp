// pixelgrad classify: the input that it prepares, a small network that the test writes, and the
// probabilities of a trained one against PyTorch's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "apps/engine/classifier_input.h"
#include "data/image_io.h"
#include "layers/init.h"
#include "models/resnet_classifier.h"
#include "models/safetensors.h"
#include "tests/apps/program.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::run_program;
using testing::ScratchFolder;

constexpr int usage = 2, bad_data = 4, bad_checkpoint = 5;
constexpr const char* scaling = "RGB in 0..255 minus mean 123.68,116.779,103.939, divided by 57.5";

/// What tells its place: from one pixel to the next each channel changes differently.
Image patterned(int64_t height, int64_t width) {
  Image photo(height, width, 3);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      photo.at(y, x)[0] = static_cast<uint8_t>(255 * y / height);
      photo.at(y, x)[1] = static_cast<uint8_t>(255 * x / width);
      photo.at(y, x)[2] = static_cast<uint8_t>((x * 7 + y * 3) % 256);
    }
  return photo;
}

TEST(ClassifierInput, CutsTheMiddleAsTorchvisionDoes) {
  // Sides, and the margins that CenterCrop(224) leaves: round((side - 224) / 2.0), halves to even.
  struct Case {
    int64_t height, width, top, left;
  };
  for (const Case& c : {Case{256, 320, 16, 48}, Case{261, 256, 18, 16}, Case{256, 263, 16, 20}}) {
    const Image photo = patterned(c.height, c.width), crop = classifier_crop(photo);
    ASSERT_EQ(crop.height, 224);
    ASSERT_EQ(crop.width, 224);
    int64_t wrong = 0;
    for (int64_t y = 0; y < 224; ++y)
      for (int64_t x = 0; x < 224; ++x)
        wrong += !std::equal(crop.at(y, x), crop.at(y, x) + 3, photo.at(c.top + y, c.left + x));
    EXPECT_EQ(wrong, 0) << c.height << " x " << c.width;
  }
}

TEST(ClassifierInput, ResizesTheShorterSide) {
  // Red grows along the width, and the middle of the photo stays the middle.
  Image photo(100, 400, 3);
  for (int64_t y = 0; y < 100; ++y)
    for (int64_t x = 0; x < 400; ++x) photo.at(y, x)[0] = static_cast<uint8_t>(x / 2);
  const Image crop = classifier_crop(photo);
  // 1024 pixels for 400: pixel 0 of the crop is pixel 400 of the resized one.
  EXPECT_NEAR(crop.at(0, 0)[0], 400.5 / 1024 * 200 - 0.5, 1);
  EXPECT_NEAR(crop.at(223, 223)[0], 623.5 / 1024 * 200 - 0.5, 1);
  EXPECT_THROW(classifier_crop(Image(1, 65, 3)), DataError);
}

TEST(ClassifierInput, ScalesAsTheMetadataSay) {
  Image photo(256, 256, 3);
  for (int64_t i = 0; i < 256 * 256; ++i) {
    photo.pixels[static_cast<size_t>(3 * i)] = 200;
    photo.pixels[static_cast<size_t>(3 * i + 1)] = 100;
    photo.pixels[static_cast<size_t>(3 * i + 2)] = 0;
  }
  const auto first = [&](const std::map<std::string, std::string>& metadata) {
    const std::vector<double> all =
        classifier_input(photo, classifier_scaling(metadata)).to_doubles();
    return std::vector<double>(all.begin(), all.begin() + 3);
  };
  const auto expect_near = [](const std::vector<double>& got, const std::vector<double>& wanted) {
    for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(got[c], wanted[c], 2e-5);
  };
  expect_near(first({{"input", "RGB in 0..255 minus mean 123.68,116.779,103.939, divided by 1"}}),
              {200 - 123.68, 100 - 116.779, -103.939});
  expect_near(first({{"input", "RGB in 0..255 minus mean 10,20,30, divided by 2,4,5"}}),
              {95, 20, -6});
  // ImageNet's mean and standard deviation, of values from 0 to 1
  expect_near(first({}),
              {(200 / 255. - 0.485) / 0.229, (100 / 255. - 0.456) / 0.224, -0.406 / 0.225});
  for (const char* text : {"", "BGR", "RGB in 0..255 minus mean 1,2, divided by 1",
                           "RGB in 0..255 minus mean 1,2,3, divided by 0",
                           "RGB in 0..255 minus mean 1,2,3, divided by 1 or so",
                           "RGB in 0..255 minus mean 1,2,nan, divided by 1",
                           "RGB in 0..255 minus mean 1,2,3, divided by 1,2"})
    EXPECT_THROW(classifier_scaling({{"input", text}}), CheckpointError) << text;
}

class ClassifyCommand : public ::testing::Test {
 protected:
  /// A narrow ResNet-18 for 7 classes with random weights and running statistics.
  ClassifyCommand() {
    const InitScope scope(5);
    model_ = std::make_unique<ResNetClassifier>(
        ResNetClassifier::Options{.backbone = {.depth = 18, .width = 8}, .classes = 7});
    uint64_t seed = 1;
    for (NamedTensor& b : model_->buffers()) {
      if (b.name.ends_with("running_mean")) fill_uniform(b.tensor, {.seed = seed++}, -0.5, 0.5);
      if (b.name.ends_with("running_var")) fill_uniform(b.tensor, {.seed = seed++}, 0.5, 1.5);
    }
    model_->eval();
    for (const NamedTensor& t : model_->state()) file_.tensors.push_back({t.name, t.tensor});
    file_.metadata = {{"architecture", "resnet18"}, {"input", scaling}};
    write_png(photo(), patterned(256, 320));
  }

  fs::path photo() { return scratch_ / "photo.png"; }
  fs::path weights() { return scratch_ / "weights.safetensors"; }

  ProgramResult run(const std::vector<std::string>& more = {}) {
    write_safetensors(weights(), file_);
    std::vector<std::string> args = {"classify", photo(), "--weights", weights()};
    args.insert(args.end(), more.begin(), more.end());
    return run_program(scratch_.path(), args);
  }

  void expect_error(int exit_code, const std::string& message) {
    const ProgramResult r = run();
    EXPECT_EQ(r.exit_code, exit_code) << r.err;
    EXPECT_THAT(r.err, HasSubstr(message));
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
    EXPECT_EQ(r.out, "");
  }

  Tensor& tensor(const std::string& name) {
    for (NamedTensor& t : file_.tensors)
      if (t.name == name) return t.tensor;
    throw Error("no tensor " + name);
  }

  ScratchFolder scratch_;
  std::unique_ptr<ResNetClassifier> model_;
  TensorFile file_;
};

// The program's forward has batch norms folded into convolutions; here the same pixels, cut by
// hand, go through single ops in f64.
TEST_F(ClassifyCommand, PrintsTheLargestProbabilities) {
  const ProgramResult r = run({"--json", "--top", "3"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json top = json::parse(r.out)["top"];
  ASSERT_EQ(top.size(), 3u);

  const Image image = patterned(256, 320);
  const double mean[] = {123.68, 116.779, 103.939};
  Tensor input = Tensor::empty({1, 224, 224, 3}, Dtype::f64);
  for (int64_t y = 0; y < 224; ++y)
    for (int64_t x = 0; x < 224; ++x)
      for (int64_t c = 0; c < 3; ++c)
        input.mutable_data<double>()[(y * 224 + x) * 3 + c] =
            (image.at(16 + y, 48 + x)[c] - mean[c]) / 57.5;
  model_->to(Dtype::f64);
  const std::vector<double> logits = model_->forward(input).to_doubles();
  ASSERT_EQ(logits.size(), 7u);
  double sum = 0;
  for (const double v : logits) sum += std::exp(v);
  std::vector<std::pair<double, int64_t>> sorted;
  for (int64_t i = 0; i < 7; ++i)
    sorted.emplace_back(-std::exp(logits[static_cast<size_t>(i)]) / sum, i);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_GT(-sorted[0].first, 1.1 / 7) << "all alike: nothing is tested";
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(top[i]["index"], sorted[i].second);
    EXPECT_NEAR(top[i]["probability"].get<double>(), -sorted[i].first, -1e-5 * sorted[i].first);
  }

  const ProgramResult text = run();
  EXPECT_EQ(std::count(text.out.begin(), text.out.end(), '\n'), 5);
  EXPECT_THAT(text.out, HasSubstr(str("  class ", sorted[0].second, "\n")));
}

TEST_F(ClassifyCommand, NamesWhatAWeightFileLacks) {
  const auto entry = [&](const char* key) -> std::string& { return file_.metadata[key]; };
  entry("architecture") = "vgg\n16";
  expect_error(bad_checkpoint, "'architecture' is \"vgg\\n16\", expected resnet18");
  entry("architecture") = "resnet50";
  expect_error(bad_checkpoint, "tensor layer1.0.");
  entry("architecture") = "resnet18";
  entry("input") = "grey\nlevels";
  expect_error(bad_checkpoint, "metadata 'input' is \"grey\\nlevels\", expected");
  entry("input") = scaling;

  const Tensor bias = tensor("fc.bias");
  tensor("fc.bias") = Tensor::zeros({6}, Dtype::f32);
  expect_error(bad_checkpoint, "tensor fc.bias is [6], expected [7]");
  tensor("fc.bias") = bias;
  file_.tensors.push_back({"extra", bias});
  expect_error(bad_checkpoint, "tensor \"extra\" belongs to no layer of resnet18");
  file_.tensors.erase(file_.tensors.begin());
  expect_error(bad_checkpoint, "tensor conv1.weight is missing");
}

TEST_F(ClassifyCommand, NamesABadImageAndBadArguments) {
  fs::remove(photo());
  expect_error(bad_data, "photo.png");
  write_png(photo(), Image(2, 200, 3));
  expect_error(bad_data, "image of 2 x 200, expected one side at most 64 times the other");
  const ProgramResult r = run_program(scratch_.path(), {"classify", photo()});
  EXPECT_EQ(r.exit_code, usage);
  EXPECT_THAT(r.err, HasSubstr("--weights"));
}

// ResNet-50 with its weights for ImageNet, which stride in the first 1x1 convolutions. Numbers:
// torchvision's network with the strides moved there, in f64, on the same pixels.
TEST_F(ClassifyCommand, AgreesWithPyTorchOnTrainedWeights) {
  const char* data = std::getenv("PIXELGRAD_TEST_DATA");
  if (!data) GTEST_SKIP() << "PIXELGRAD_TEST_DATA is not set";
  const fs::path trained =
      fs::path(data).parent_path() / "weights" / "resnet50_imagenet_v1.safetensors";
  if (!fs::exists(trained)) GTEST_SKIP() << trained << " is not there";
  const std::pair<int64_t, double> expected[] = {{818, 0.2924859916},
                                                 {506, 0.2710640744},
                                                 {905, 0.1506425454},
                                                 {421, 0.1155274035},
                                                 {545, 0.01924369813}};
  for (const auto& [dtype, tolerance] : {std::pair{"f32", 1e-5}, {"f64", 1e-6}}) {
    const ProgramResult r = run_program(
        scratch_.path(), {"classify", photo(), "--weights", trained, "--json", "--dtype", dtype});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    const json top = json::parse(r.out)["top"];
    ASSERT_EQ(top.size(), 5u);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(top[i]["index"], expected[i].first);
      EXPECT_NEAR(top[i]["probability"].get<double>() / expected[i].second, 1, tolerance) << dtype;
    }
  }
}

}  // namespace
}  // namespace pixelgrad
