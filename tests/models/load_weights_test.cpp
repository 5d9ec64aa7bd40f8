// Weights of PyTorch in a model of this library.
#include "models/load_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layers/conv.h"
#include "models/registry.h"
#include "models/safetensors.h"
#include "tests/support/fixtures.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const fs::path folder = fs::path(PIXELGRAD_FIXTURES) / "weights";
constexpr const char* first_weight = "inc.double_conv.0.weight";

std::unique_ptr<SegmentationModel> unet(int64_t in_channels = 3, int64_t classes = 4,
                                        const std::string& width = "2") {
  return make_model({.name = "unet",
                     .in_channels = in_channels,
                     .classes = classes,
                     .options = {{"width", width}, {"depth", "1"}}});
}

Tensor expected(const std::string& name) {
  for (const NamedTensor& t : read_safetensors(folder / "expected.safetensors").tensors)
    if (t.name == name) return t.tensor;
  throw Error("no expected " + name);
}

Tensor state_of(const Module& model, const std::string& name) {
  for (const NamedTensor& t : model.state())
    if (t.name == name) return t.tensor;
  throw Error("no " + name);
}

std::string error_of(SegmentationModel& model, const fs::path& path, bool exact = false) {
  try {
    load_weights(model, *open_weights(path), exact);
  } catch (const CheckpointError& e) {
    return e.what();
  }
  return "no error";
}

/// unet.pth with some tensors changed, as another program would write it.
struct Edited {
  explicit Edited(const fs::path& out) : path(out) {
    const auto file = open_weights(folder / "unet.pth");
    for (size_t i = 0; i < file->entries().size(); ++i)
      contents.tensors.push_back({file->entries()[i].name, file->read(i)});
    contents.layout = "NCHW";
  }
  const fs::path& write() {
    write_safetensors(path, contents);
    return path;
  }
  fs::path path;
  TensorFile contents;
};

TEST(LoadWeights, LogitsAreThoseOfPyTorch) {
  const auto model = unet();
  const auto file = open_weights(folder / "unet.pth");
  const LoadReport report = load_weights(*model, *file, true);
  EXPECT_TRUE(report.exact());
  EXPECT_EQ(report.loaded.size(), model->state().size());
  model->eval();
  const Tensor image =
      to_layout(expected("unet/image"), WeightLayout::pytorch, WeightLayout::pixelgrad);
  const Tensor logits =
      to_layout(expected("unet/logits"), WeightLayout::pytorch, WeightLayout::pixelgrad);
  EXPECT_LT(testing::l2_error(model->forward(image.to(Dtype::f32)).logits, logits), 1e-6);
  model->to(Dtype::f64);
  load_weights(*model, *file);
  EXPECT_LT(testing::l2_error(model->forward(image).logits, logits), 1e-14);
}

TEST(LoadWeights, AnotherNumberOfClassesKeepsTheClassifierAsItIs) {
  const auto model = unet(3, 7);
  const std::vector<double> before = state_of(*model, "outc.conv.weight").to_doubles();
  const LoadReport report = load_weights(*model, *open_weights(folder / "unet.pth"));
  EXPECT_EQ(state_of(*model, "outc.conv.weight").to_doubles(), before);
  ASSERT_EQ(report.other_classes.size(), 2u);
  EXPECT_EQ(report.other_classes[0].name, "outc.conv.weight");
  EXPECT_EQ(report.other_classes[0].file, (Shape{4, 1, 1, 2}));
  EXPECT_EQ(report.other_classes[0].model, (Shape{7, 1, 1, 2}));
  EXPECT_EQ(report.other_classes[1].name, "outc.conv.bias");
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.to_string(),
              HasSubstr("4 classes in the file, 7 in the model: outc.conv.weight"));
  EXPECT_EQ(state_of(*model, "down1.maxpool_conv.1.double_conv.1.running_var").to_doubles(),
            expected("unet.pth/down1.maxpool_conv.1.double_conv.1.running_var").to_doubles());
}

TEST(LoadWeights, OtherInputChannelsAreSummedOrRepeated) {
  const std::vector<double> rgb = expected(str("unet.pth/", first_weight)).to_doubles();
  const auto at = [&](int64_t out, int64_t in, int64_t tap) {
    return rgb[static_cast<size_t>((out * 3 + in) * 9 + tap)];
  };
  for (const int64_t channels : {1, 2, 4, 6}) {
    const auto model = unet(channels);
    const LoadReport report = load_weights(*model, *open_weights(folder / "unet.pth"));
    ASSERT_EQ(report.adapted.size(), 1u);
    EXPECT_EQ(report.adapted[0].name, first_weight);
    const Tensor weight = state_of(*model, first_weight);  // [2,3,3,channels]
    for (int64_t out = 0; out < 2; ++out)
      for (int64_t tap = 0; tap < 9; ++tap)
        for (int64_t in = 0; in < channels; ++in) {
          const double want = channels == 1
                                  ? at(out, 0, tap) + at(out, 1, tap) + at(out, 2, tap)
                                  : at(out, in % 3, tap) * 3 / static_cast<double>(channels);
          EXPECT_NEAR(weight.span<float>()[static_cast<size_t>((out * 9 + tap) * channels + in)],
                      want, 1e-7);
        }
  }
}

TEST(LoadWeights, MissingAndUnexpectedTensorsAreReported) {
  const testing::ScratchFolder scratch;
  Edited file(scratch / "a.safetensors");
  std::erase_if(file.contents.tensors, [](const NamedTensor& t) {
    return t.name == "up1.up.bias" || t.name.ends_with("num_batches_tracked");
  });
  file.contents.tensors.push_back({"fc.weight", Tensor::zeros({10, 4}, Dtype::f32)});
  const auto model = unet();
  const LoadReport report = load_weights(*model, *open_weights(file.write()));
  EXPECT_EQ(report.missing.size(), 1u + 6u);
  EXPECT_THAT(report.missing, ::testing::Contains("up1.up.bias"));
  EXPECT_THAT(report.unexpected, ElementsAre("fc.weight"));
  EXPECT_FALSE(report.exact());
  EXPECT_THAT(error_of(*model, file.path, true),
              AllOf(HasSubstr("exactly"), HasSubstr("up1.up.bias"), HasSubstr("fc.weight")));
}

TEST(LoadWeights, CountersMayBeMissingInAnExactFile) {
  const testing::ScratchFolder scratch;
  Edited file(scratch / "a.safetensors");
  std::erase_if(file.contents.tensors,
                [](const NamedTensor& t) { return t.name.ends_with("num_batches_tracked"); });
  EXPECT_EQ(error_of(*unet(), file.write(), true), "no error");
}

TEST(LoadWeights, NamesOfABackboneAlone) {
  // A model under "encoder." takes the names of a file that has none.
  class Wrapped : public SegmentationModel {
   public:
    Wrapped()
        : SegmentationModel({.name = "wrapped"}),
          conv_(add<Conv2d>("encoder.conv1", {.in_channels = 3, .out_channels = 2})) {}
    InputPadding input_padding(int64_t, int64_t) const override { return {}; }

   private:
    ModelOutput compute(const Tensor& x) override { return {.logits = conv_(x)}; }
    Conv2d& conv_;
  } model;
  const testing::ScratchFolder scratch;
  write_safetensors(scratch / "a", {{{"conv1.weight", Tensor::full({2, 3, 3, 3}, 0.5, Dtype::f32)},
                                     {"fc.bias", Tensor::zeros({5}, Dtype::f32)}},
                                    {}});
  const LoadReport report = load_weights(model, *open_weights(scratch / "a"));
  EXPECT_EQ(report.prefix, "encoder.");
  EXPECT_THAT(report.loaded, ElementsAre("encoder.conv1.weight"));
  EXPECT_THAT(report.unexpected, ElementsAre("fc.bias"));
  EXPECT_EQ(state_of(model, "encoder.conv1.weight").to_doubles()[0], 0.5);
}

TEST(LoadWeights, OurOwnLayoutIsNotTurned) {
  const testing::ScratchFolder scratch;
  const auto trained = unet();
  write_safetensors(scratch / "ours", {trained->state(), {}});
  const auto model = unet();
  load_weights(*model, *open_weights(scratch / "ours"), true);
  for (const NamedTensor& t : trained->state())
    EXPECT_EQ(state_of(*model, t.name).to_doubles(), t.tensor.to_doubles()) << t.name;
}

TEST(LoadWeights, WhatFitsInNoWayIsRefusedBeforeAnythingIsCopied) {
  const auto wide = unet(3, 4, "6");
  const std::vector<double> before = state_of(*wide, "outc.conv.bias").to_doubles();
  EXPECT_THAT(error_of(*wide, folder / "unet.pth"),
              AllOf(HasSubstr("unet.pth"), HasSubstr("do not fit the model unet"),
                    HasSubstr("is [2,3,3,3], expected [6,3,3,3]")));
  EXPECT_EQ(state_of(*wide, "outc.conv.bias").to_doubles(), before);

  EXPECT_THAT(error_of(*unet(), folder / "zip_nested.pth"),
              AllOf(HasSubstr("no parameter of the model unet"), HasSubstr("0.weight"),
                    HasSubstr("inc.double_conv.0.weight")));

  const testing::ScratchFolder scratch;
  Edited file(scratch / "a");
  for (NamedTensor& t : file.contents.tensors)
    if (t.name == "outc.conv.bias") t.tensor = t.tensor.to(Dtype::i32);
  EXPECT_THAT(error_of(*unet(), file.write()), HasSubstr("outc.conv.bias holds i32, expected f32"));
}

}  // namespace
}  // namespace pixelgrad
