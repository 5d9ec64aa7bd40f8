// Files of weights at the command line: what PyTorch wrote is shown, converted, compared, trained
// from and predicted with; what is damaged ends with one line and exit code 5.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/image_io.h"
#include "data/label_png.h"
#include "models/safetensors.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;

const fs::path fixtures = fs::path(PIXELGRAD_FIXTURES) / "weights";

class WeightsCli : public testing::ProgramTest {
 protected:
  /// Images of 16x16 with `classes` class names.
  std::string make_data(int classes) {
    const fs::path data = scratch_ / "data";
    for (const char* split : {"train", "val"}) {
      fs::create_directories(data / split / "images");
      fs::create_directories(data / split / "masks");
      for (const char* name : {"a.png", "b.png"}) {
        write_png(data / split / "images" / name, Image(16, 16, 3));
        LabelMap labels(16, 16);
        labels.at(3, 4) = 1;
        write_label_png(data / split / "masks" / name, labels);
      }
    }
    std::ofstream names(data / "classes.txt");
    for (int c = 0; c < classes; ++c) names << "class" << c << '\n';
    return data;
  }

  std::vector<std::string> train(const std::string& weights, const std::string& out) {
    return {"train",    "--data", scratch_ / "data", "--width", "2",     "--depth", "1",
            "--epochs", "1",      "--panels",        "0",       "--out", out,       "--weights",
            weights};
  }

  const std::string unet_ = fixtures / "unet.pth";
};

TEST_F(WeightsCli, ShowListsTensors) {
  const ProgramResult r = run({"weights", "show", fixtures / "legacy_checkpoint.pth"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, AllOf(HasSubstr("PyTorch legacy, 8 tensors, 135 values"),
                           HasSubstr("unwrapped: state_dict"), HasSubstr("unwrapped: module."),
                           HasSubstr("0.weight"), HasSubstr("[4,3,3,3]")));
  const auto json =
      nlohmann::json::parse(run({"weights", "show", "--json", fixtures / "zip_types.pth"}).out);
  EXPECT_EQ(json["format"], "PyTorch zip");
  EXPECT_EQ(json["layout"], "pytorch");
  EXPECT_EQ(json["tensors"].size(), 14u);
  EXPECT_EQ(json["tensors"][2],
            (nlohmann::json{{"name", "f16"}, {"type", "f16"}, {"shape", {12}}}));
}

TEST_F(WeightsCli, ConvertKeepsEveryValueInEitherLayout) {
  for (const char* layout : {"pytorch", "pixelgrad"}) {
    const std::string out = scratch_ / (std::string(layout) + ".safetensors");
    EXPECT_EQ(run({"weights", "convert", unet_, out, "--layout", layout}).exit_code, 0);
    const ProgramResult same = run({"weights", "diff", unet_, out});
    EXPECT_EQ(same.exit_code, 0) << same.out;
    EXPECT_EQ(same.out, "40 tensors, no difference\n");
  }
  const std::string pth = scratch_ / "unet.pth";
  EXPECT_EQ(run({"weights", "convert", scratch_ / "pixelgrad.safetensors", pth}).exit_code, 0);
  EXPECT_EQ(run({"weights", "diff", unet_, pth}).out, "40 tensors, no difference\n");
  EXPECT_THAT(run({"weights", "show", pth}).out,
              AllOf(HasSubstr("PyTorch zip"), HasSubstr("[4,2,2,2]"), HasSubstr("i64")));
  const auto shape_in = [&](const char* layout) {
    for (const NamedTensor& t :
         read_safetensors(scratch_ / (std::string(layout) + ".safetensors")).tensors)
      if (t.name == "up1.up.weight") return t.tensor.shape();
    return Shape{};
  };
  EXPECT_EQ(shape_in("pytorch"), (Shape{4, 2, 2, 2}));
  EXPECT_EQ(read_safetensors(scratch_ / "pytorch.safetensors").layout, "NCHW");
  EXPECT_EQ(read_safetensors(scratch_ / "pixelgrad.safetensors").layout, "NHWC");
}

TEST_F(WeightsCli, DiffNamesWhatDiffers) {
  const TensorFile a{{{"same", Tensor::full({2}, 1, Dtype::f32)},
                      {"value", Tensor::from<float>({3}, {1, 2, 3})},
                      {"shape", Tensor::full({2}, 1, Dtype::f32)},
                      {"left", Tensor::full({1}, 1, Dtype::f32)}},
                     {}};
  const TensorFile b{{{"same", Tensor::full({2}, 1, Dtype::f32)},
                      {"value", Tensor::from<float>({3}, {1, 2.5, 3.25})},
                      {"shape", Tensor::full({3}, 1, Dtype::f32)},
                      {"right", Tensor::full({1}, 1, Dtype::f32)}},
                     {}};
  write_safetensors(scratch_ / "a", a);
  write_safetensors(scratch_ / "b", b);
  const ProgramResult r = run({"weights", "diff", scratch_ / "a", scratch_ / "b"});
  EXPECT_EQ(r.exit_code, check_failed);
  EXPECT_EQ(r.out,
            "value: 2 of 3 values, by up to 0.5\nshape: [2] and [3]\nleft: only in the first\n"
            "right: only in the second\n4 differences\n");
  EXPECT_THAT(run({"weights", "diff", scratch_ / "a", scratch_ / "b", "--tolerance", "0.3"}).out,
              HasSubstr("value: 1 of 3 values, by up to 0.5"));
  EXPECT_THAT(run({"weights", "diff", scratch_ / "a", scratch_ / "b", "--tolerance", "0.5"}).out,
              Not(HasSubstr("value")));
}

TEST_F(WeightsCli, BadFilesEndWithExitCode5) {
  const std::string damaged = scratch_ / "damaged.pth", page = scratch_ / "page.pth";
  std::string bytes = testing::file_bytes(unet_);
  testing::put_file(damaged, bytes.substr(0, bytes.size() / 2));
  testing::put_file(page, "<!DOCTYPE html><html></html>");
  make_data(4);
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"weights", "show", damaged},
           {"weights", "convert", damaged, scratch_ / "out.safetensors"},
           {"weights", "diff", damaged, unet_},
           {"weights", "diff", unet_, damaged},
           train(damaged, scratch_ / "run"),
           {"predict", "--weights", damaged, "--model", "unet", "--classes", "4",
            scratch_ / "data/val/images"}})
    expect_error(args, bad_checkpoint, AllOf(HasSubstr(damaged), HasSubstr("cut off")));
  expect_error({"weights", "show", page}, bad_checkpoint, HasSubstr("web page"));
  expect_error({"weights", "show", scratch_ / "none"}, bad_checkpoint, HasSubstr("none"));
  EXPECT_FALSE(fs::exists(scratch_ / "out.safetensors"));
  EXPECT_FALSE(fs::exists(scratch_ / "run/last.safetensors"));
  expect_error({"weights", "convert", unet_, scratch_ / "out.h5"}, usage,
               HasSubstr(".safetensors"));
  expect_error({"weights", "convert", unet_, scratch_ / "out.pth", "--layout", "pixelgrad"}, usage,
               HasSubstr("--layout"));
  expect_error({"weights"}, usage, HasSubstr("subcommand"));
}

TEST_F(WeightsCli, TrainingBeginsWithTheWeightsOfAFile) {
  make_data(2);
  const std::string run_folder = scratch_ / "run";
  const ProgramResult r = run(train(unet_, run_folder));
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, AllOf(HasSubstr("unet.pth (PyTorch zip)"), HasSubstr("loaded: 38 tensors"),
                           HasSubstr("4 classes in the file, 2 in the model: outc.conv.weight")));
  // A run that goes on does not ask for the file again.
  auto again = train(unet_, run_folder);
  again.insert(again.end(), {"--resume"});
  EXPECT_EQ(run(again).exit_code, 0);
  EXPECT_THAT(run(again).err, Not(HasSubstr("loaded:")));
  auto exact = train(unet_, scratch_ / "exact");
  exact.push_back("--exact-weights");
  expect_error(exact, bad_checkpoint, AllOf(HasSubstr("exactly"), HasSubstr("outc.conv.bias")));
  // The checkpoint's own weights are found under the model's names.
  const std::string last = fs::path(run_folder) / "last.safetensors";
  const ProgramResult shown = run({"weights", "show", last});
  EXPECT_THAT(shown.out, AllOf(HasSubstr("40 tensors"), Not(HasSubstr("optimizer")),
                               HasSubstr("\noutc.conv.weight ")));
  EXPECT_THAT(run(train(last, scratch_ / "second")).err, HasSubstr("loaded: 40 tensors"));
}

TEST_F(WeightsCli, PredictAndEvaluateWithWeightsAlone) {
  const std::string data = make_data(4);
  const std::vector<std::string> source = {"--weights",      unet_,    "--model",        "unet",
                                           "--classes",      "4",      "--model-option", "width=2",
                                           "--model-option", "depth=1"};
  std::vector<std::string> evaluate = {"evaluate", "--json", "--data", data};
  evaluate.insert(evaluate.end(), source.begin(), source.end());
  const ProgramResult r = run(evaluate);
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("\"class3\""));
  std::vector<std::string> predict = {"predict", "--out", scratch_ / "out",
                                      fs::path(data) / "val/images"};
  predict.insert(predict.end(), source.begin(), source.end());
  EXPECT_EQ(run(predict).exit_code, 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch_ / "out"), {}), 2);

  expect_error({"evaluate", "--weights", unet_, "--data", data}, usage, HasSubstr("--model"));
  for (std::string& word : evaluate)
    if (word == "width=2") word = "width=4";
  expect_error(evaluate, bad_checkpoint, HasSubstr("do not fit the model unet"));
  make_data(3);
  std::vector<std::string> others = {"evaluate", "--data", data};
  others.insert(others.end(), source.begin(), source.end());
  expect_error(others, bad_data, HasSubstr("class2"));
}

}  // namespace
}  // namespace pixelgrad
