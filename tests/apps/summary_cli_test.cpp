// pixelgrad summary as a person calls it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/registry.h"
#include "tests/apps/program_test.h"

namespace pixelgrad {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::ProgramResult;

class SummaryCommand : public testing::ProgramTest {
 protected:
  json result(const std::vector<std::string>& args) {
    const ProgramResult r = run(args);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return r.exit_code == 0 ? json::parse(r.out) : json();
  }
};

TEST_F(SummaryCommand, PrintsWhatTheLibraryCounts) {
  const std::vector<std::string> unet = {
      "summary", "unet",     "--in-channels", "1",        "--classes", "3",        "--input",
      "8x16",    "--option", "width=2",       "--option", "depth=1",   "--option", "norm=none"};
  std::vector<std::string> as_json = unet;
  as_json.push_back("--json");
  const json out = result(as_json);
  EXPECT_EQ(out["parameters"], 437);  // worked out in summary_test
  EXPECT_EQ(out["trainable"], 437);
  EXPECT_EQ(out["macs"], 2 * 14720);  // that of 8 x 8 pixels, twice
  EXPECT_EQ(out["receptive_field"], json({18, 18}));
  EXPECT_EQ(out["logits_shape"], json({1, 8, 16, 3}));
  EXPECT_EQ(out["layers"].size(), 15u);
  EXPECT_EQ(out["layers"][0], json({{"name", "inc.double_conv.0"},
                                    {"type", "Conv2d(1 -> 2, kernel 3, padding 1)"},
                                    {"output_shape", {1, 8, 16, 2}},
                                    {"parameters", 20},
                                    {"macs", 2304},
                                    {"activation_bytes", 1024},
                                    {"receptive_field", {3, 3}},
                                    {"sees_whole_image", false}}));
  const ProgramResult table = run(unet);
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("Conv2d(1 -> 2, kernel 3, padding 1)"));
  EXPECT_THAT(table.out, HasSubstr("parameters       437, trainable 437\n"));
  EXPECT_THAT(table.out, HasSubstr("MACs             29,440 = 0.00 G"));
  EXPECT_THAT(table.out, HasSubstr("receptive field  18x18\n"));
}

TEST_F(SummaryCommand, ListsEveryModel) {
  const json out = result({"summary", "--list", "--json"});
  ASSERT_EQ(out["models"].size(), list_models().size());
  const ProgramResult text = run({"summary", "--list"});
  for (size_t i = 0; i < list_models().size(); ++i) {
    const ModelInfo& info = list_models()[i];
    EXPECT_EQ(out["models"][i]["name"], info.name);
    EXPECT_EQ(out["models"][i]["options"].size(), info.options.size());
    EXPECT_THAT(text.out, HasSubstr(info.name));
    for (const ModelOption& o : info.options) EXPECT_THAT(text.out, HasSubstr(o.help));
  }
}

TEST_F(SummaryCommand, NamesWhatIsMalformed) {
  expect_error({"summary"}, usage, HasSubstr("the network is missing (summary --list names them)"));
  expect_error({"summary", "unett"}, usage,
               HasSubstr("unknown model 'unett', expected one of: unet"));
  for (const char* size : {"512", "512x", "x512", "512x512x3", "0x8", "8x-8", "8x99999", "a"})
    expect_error({"summary", "unet", "--input", size}, usage,
                 HasSubstr(str("--input ", size, ", expected HEIGHTxWIDTH such as 512x768")));
  expect_error({"summary", "unet", "--option", "width"}, usage,
               HasSubstr("width, expected NAME=VALUE"));
  expect_error({"summary", "unet", "--option", "wide=8"}, usage,
               HasSubstr("unknown option 'wide'"));
  expect_error({"summary", "unet", "--classes", "0"}, usage, HasSubstr("--classes"));
  expect_error({"summary", "unet", "--in-channels", "x"}, usage, HasSubstr("--in-channels"));
  expect_error({"summary", "unet", "--input", "100x128"}, 1,
               HasSubstr("images are [1,100,128,3], expected"));
}

}  // namespace
}  // namespace pixelgrad
