#include "tensor/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tensor/check.h"

namespace pixelgrad {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class OptionReaderTest : public testing::Test {
 protected:
  template <class F>
  std::string refusal(F read) {
    try {
      read(reader_);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "accepted";
  }
  OptionMap options_{
      {"rate", "0.25"},  {"width", "64"},     {"aux", "false"}, {"mode", "fast"},
      {"steps", "3,10"}, {"none", ""},        {"big", "1e400"}, {"long", "99999999999999999999"},
      {"space", " 1"},   {"trailing", "1,2,"}};
  OptionReader reader_{"model", options_};
};

TEST_F(OptionReaderTest, ReadsEachType) {
  EXPECT_EQ(reader_.number("rate", 1, 0, 1), 0.25);
  EXPECT_EQ(reader_.integer("width", 1, 1, 64), 64);
  EXPECT_FALSE(reader_.flag("aux", true));
  EXPECT_EQ(reader_.choice("mode", "slow", {"slow", "fast"}), "fast");
  EXPECT_THAT(reader_.integers("steps"), ElementsAre(3, 10));
}

TEST_F(OptionReaderTest, FallsBackWhereNothingIsSet) {
  EXPECT_EQ(reader_.number("p", 0.5, 0, 1), 0.5);
  EXPECT_EQ(reader_.integer("q", 7, 0, 9), 7);
  EXPECT_TRUE(reader_.flag("r", true));
  EXPECT_FALSE(reader_.flag("s", false));
  EXPECT_EQ(reader_.choice("t", "slow", {"slow"}), "slow");
  EXPECT_THAT(reader_.integers("u"), IsEmpty());
  EXPECT_THAT(reader_.integers("none"), IsEmpty());
}

TEST_F(OptionReaderTest, NamesWhatIsWrong) {
  EXPECT_EQ(refusal([](auto& r) { r.number("rate", 0, 0.5, 1); }),
            "[model] option rate is '0.25', expected a number from 0.5 to 1");
  EXPECT_EQ(refusal([](auto& r) { r.number("big", 0, 0, 1e300); }),
            "[model] option big is '1e400', expected a number from 0 to 1e+300");
  EXPECT_EQ(refusal([](auto& r) { r.integer("width", 0, 0, 63); }),
            "[model] option width is '64', expected a whole number from 0 to 63");
  EXPECT_EQ(refusal([](auto& r) { r.integer("rate", 0, 0, 9); }),
            "[model] option rate is '0.25', expected a whole number from 0 to 9");
  EXPECT_EQ(refusal([](auto& r) { r.integer("long", 0, 0, 9); }),
            "[model] option long is '99999999999999999999', expected a whole number from 0 to 9");
  EXPECT_EQ(refusal([](auto& r) { r.integer("space", 0, 0, 9); }),
            "[model] option space is ' 1', expected a whole number from 0 to 9");
  EXPECT_EQ(refusal([](auto& r) { r.flag("mode", true); }),
            "[model] option mode is 'fast', expected one of: true, false");
  EXPECT_EQ(refusal([](auto& r) { r.integers("trailing"); }),
            "[model] option trailing is '1,2,', expected whole numbers between commas");
}

TEST_F(OptionReaderTest, FinishFindsNamesThatNobodyAskedFor) {
  for (const auto& [name, value] : options_)
    if (name != "width") reader_.choice(name, value, {value});
  reader_.choice("depth", "4", {"4"});
  EXPECT_EQ(refusal([](auto& r) { r.finish(); }),
            "[model] unknown option 'width', expected one of: aux, big, depth, long, mode, none, "
            "rate, space, "
            "steps, trailing");
  reader_.integer("width", 0, 0, 64);
  EXPECT_EQ(refusal([](auto& r) { r.finish(); }), "accepted");
}

TEST(ToText, ReadsBackExactly) {
  for (const double v : {0.1, 1.0 / 3, 1e-300, 0.0, -2.5, std::numeric_limits<double>::max()}) {
    const OptionMap options{{"v", to_text(v)}};
    constexpr double any = std::numeric_limits<double>::max();
    EXPECT_EQ(OptionReader("test", options).number("v", 7, -any, any), v);
  }
  EXPECT_EQ(to_text(0.1), "0.1");
}

}  // namespace
}  // namespace pixelgrad
