#include "models/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "layers/init.h"

namespace pixelgrad {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string refusal(const ModelConfig& config) {
  try {
    make_model(config);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Registry, FillsDefaultsIn) {
  const auto model =
      make_model({.name = "unet", .classes = 3, .options = {{"width", "2"}, {"depth", "1"}}});
  EXPECT_EQ(model->config().name, "unet");
  EXPECT_EQ(model->config().classes, 3);
  EXPECT_EQ(model->config().options.at("width"), "2");
  EXPECT_EQ(model->config().options.at("padding"), "same");
}

TEST(Registry, NamesWhatIsUnknownAndListsWhatIsValid) {
  EXPECT_THAT(refusal({.name = "unett"}),
              HasSubstr("[model] unknown model 'unett', expected one of: "));
  EXPECT_THAT(refusal({.name = "unett"}), HasSubstr("unet"));
  EXPECT_EQ(refusal({.name = "unet", .options = {{"widht", "8"}}}),
            "[unet] unknown option 'widht', expected one of: width, depth, padding, norm, decoder, "
            "dropout");
  EXPECT_EQ(refusal({.name = "unet", .options = {{"padding", "full"}}}),
            "[unet] option padding is 'full', expected one of: same, valid");
  EXPECT_EQ(refusal({.name = "unet", .options = {{"width", "0"}}}),
            "[unet] option width is '0', expected a whole number from 1 to 1024");
  EXPECT_THAT(refusal({.name = "unet", .options = {{"width", "3"}, {"decoder", "bilinear"}}}),
              HasSubstr("expected an even number"));
  EXPECT_THAT(refusal({.name = "unet", .in_channels = 0}), HasSubstr("in_channels is 0"));
  EXPECT_THAT(refusal({.name = "unet", .classes = 0}), HasSubstr("classes is 0"));
}

TEST(Registry, EveryModelAndOptionIsDescribed) {
  EXPECT_THAT(list_models(), Not(IsEmpty()));
  std::set<std::string> names;
  for (const ModelInfo& info : list_models()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " twice";
    EXPECT_THAT(info.description, Not(IsEmpty()));
    std::set<std::string> options;
    for (const ModelOption& o : info.options) {
      EXPECT_TRUE(options.insert(o.name).second) << o.name << " twice";
      EXPECT_THAT(o.help, Not(IsEmpty())) << info.name << " " << o.name;
    }
  }
}

TEST(Registry, EqualSeedsGiveEqualModels) {
  const ModelConfig config{.name = "unet", .options = {{"width", "2"}, {"depth", "1"}}};
  const auto values = [&](uint64_t seed) {
    const InitScope scope(seed);
    std::vector<std::vector<double>> out;
    for (const NamedTensor& p : make_model(config)->parameters())
      out.push_back(p.tensor.to_doubles());
    return out;
  };
  EXPECT_EQ(values(1), values(1));
  EXPECT_NE(values(1), values(2));
}

}  // namespace
}  // namespace pixelgrad
