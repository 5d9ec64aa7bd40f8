// Parameters of the models at full width: how many there are, and how they are called, against what
// PyTorch's state dicts hold (tests/fixtures/state_dicts).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "models/registry.h"

namespace pixelgrad {
namespace {

struct Count {
  ModelConfig model;
  int64_t parameters;
};

void PrintTo(const Count& count, std::ostream* out) {
  *out << count.model.name << " for " << count.parameters;
}

class ModelSize : public testing::TestWithParam<Count> {};

TEST_P(ModelSize, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(make_model(GetParam().model)->parameter_count(), GetParam().parameters);
}

INSTANTIATE_TEST_SUITE_P(
    DeepLabV3, ModelSize,
    testing::Values(
        Count{{.name = "deeplabv3-resnet50", .classes = 21}, 42'004'074},
        Count{{.name = "deeplabv3-resnet50", .classes = 34}, 42'010'756},
        Count{{.name = "deeplabv3-resnet50", .classes = 34, .options = {{"aux_weight", "0"}}},
              39'642'210},
        Count{{.name = "deeplabv3-resnet101", .classes = 21}, 60'996'202}));

INSTANTIATE_TEST_SUITE_P(
    DeepLabV3Plus, ModelSize,
    testing::Values(Count{{.name = "deeplabv3plus-resnet18", .classes = 32}, 12'337'264},
                    Count{{.name = "deeplabv3plus-resnet50", .classes = 32}, 26'685'552},
                    Count{{.name = "deeplabv3plus-resnet101", .classes = 34}, 45'678'194}));

INSTANTIATE_TEST_SUITE_P(
    UNet, ModelSize,
    testing::Values(Count{{.name = "unet-resnet18", .classes = 1}, 14'328'209},
                    Count{{.name = "unet-resnet34", .classes = 32}, 24'440'864},
                    Count{{.name = "unet-resnet101", .classes = 19}, 51'515'843}));

INSTANTIATE_TEST_SUITE_P(
    PspNet, ModelSize,
    testing::Values(
        Count{{.name = "pspnet-resnet50", .classes = 19}, 49'080'038},
        Count{{.name = "pspnet-resnet50", .classes = 34, .options = {{"aux_weight", "0"}}},
              46'723'042},
        Count{{.name = "pspnet-resnet101", .classes = 34}, 68'083'716},
        Count{{.name = "pspnet-resnet152", .classes = 19, .options = {{"aux_weight", "0"}}},
              81'351'123},
        Count{{.name = "pspnet-resnet18", .classes = 32, .options = {{"style", "smp"}}},
              11'472'704},
        Count{{.name = "pspnet-resnet50", .classes = 32, .options = {{"style", "smp"}}},
              24'443'872}));

// Keras counts running statistics as parameters that are not trained.
TEST(ModelSize, OfTheKerasPspNetIsThatOfItsTutorial) {
  const auto model = make_model({.name = "pspnet-keras", .classes = 3});
  int64_t statistics = 0;
  for (const NamedTensor& b : model->buffers())
    if (b.tensor.dtype() != Dtype::i64) statistics += b.tensor.numel();
  EXPECT_EQ(model->parameter_count(), 711'145);
  EXPECT_EQ(model->parameter_count() + statistics, 713'839);
  const auto size = [](int64_t classes) {
    return make_model({.name = "pspnet-keras", .classes = classes})->parameter_count();
  };
  // 2,694 running statistics with 3 classes, and two more for each further one.
  EXPECT_EQ(size(34), 856'842 - 2'694 - 2 * 31);
}

/// A line of a state dict's CSV: "index,key,shape,numel,kind".
struct Entry {
  std::string key;
  Shape shape;  ///< PyTorch's
  bool parameter;
};

std::vector<Entry> read_state_dict(const std::string& name) {
  std::ifstream file(PIXELGRAD_FIXTURES "/state_dicts/" + name + ".csv");
  std::vector<Entry> out;
  std::string line;
  for (std::getline(file, line); std::getline(file, line);) {
    std::istringstream fields(line);
    std::string index, shape, numel, kind;
    Entry entry;
    std::getline(fields, index, ',');
    std::getline(fields, entry.key, ',');
    std::getline(fields, shape, ',');
    std::getline(fields, numel, ',');
    std::getline(fields, kind);
    std::istringstream sizes(shape);
    for (std::string size; std::getline(sizes, size, 'x');)
      if (size != "scalar") entry.shape.push_back(std::stoll(size));
    entry.parameter = kind.starts_with("param");
    out.push_back(std::move(entry));
  }
  return out;
}

/// Ours in PyTorch's layout: [O,H,W,I] -> [O,I,H,W].
Shape pytorch_shape(const Shape& s) { return s.size() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s; }

struct StateDict {
  std::string file;
  ModelConfig model;
};

void PrintTo(const StateDict& s, std::ostream* out) { *out << s.file; }

class ModelStateDict : public testing::TestWithParam<StateDict> {};

TEST_P(ModelStateDict, HasPyTorchsNamesAndShapes) {
  const std::vector<Entry> expected = read_state_dict(GetParam().file);
  ASSERT_GT(expected.size(), 100u);
  const auto model = make_model(GetParam().model);
  const auto lines = [](const auto& entries, const auto& line) {
    std::vector<std::string> out;
    for (const auto& e : entries) out.push_back(line(e));
    return out;
  };
  const auto ours = [](const NamedTensor& t) {
    return str(t.name, " ", pytorch_shape(t.tensor.shape()));
  };
  for (const bool parameters : {true, false}) {
    std::vector<Entry> wanted;
    std::copy_if(expected.begin(), expected.end(), std::back_inserter(wanted),
                 [&](const Entry& e) { return e.parameter == parameters; });
    EXPECT_THAT(lines(parameters ? model->parameters() : model->buffers(), ours),
                testing::ElementsAreArray(
                    lines(wanted, [](const Entry& e) { return str(e.key, " ", e.shape); })));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ModelStateDict,
    testing::Values(
        StateDict{"torchvision_deeplabv3_resnet50", {.name = "deeplabv3-resnet50", .classes = 21}},
        StateDict{"smp_deeplabv3plus_resnet34_32cls",
                  {.name = "deeplabv3plus-resnet34", .classes = 32}},
        StateDict{"smp_deeplabv3plus_resnet50_32cls",
                  {.name = "deeplabv3plus-resnet50", .classes = 32}},
        StateDict{"smp_unet_resnet34_32cls", {.name = "unet-resnet34", .classes = 32}},
        StateDict{"smp_unet_resnet50_32cls", {.name = "unet-resnet50", .classes = 32}},
        StateDict{"smp_pspnet_resnet34_32cls",
                  {.name = "pspnet-resnet34", .classes = 32, .options = {{"style", "smp"}}}},
        StateDict{"smp_pspnet_resnet50_32cls",
                  {.name = "pspnet-resnet50", .classes = 32, .options = {{"style", "smp"}}}},
        StateDict{"semseg_pspnet50_19cls", {.name = "pspnet-resnet50", .classes = 19}}),
    [](const auto& info) { return info.param.file; });

}  // namespace
}  // namespace pixelgrad
