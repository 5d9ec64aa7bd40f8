#include "models/crc32c.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <string_view>
#include <vector>

namespace pixelgrad {
namespace {

uint32_t of(const std::vector<uint8_t>& bytes) { return crc32c(std::as_bytes(std::span(bytes))); }

// Expected values: RFC 3720, appendix B.4, and the check value of the CRC catalogue.
TEST(Crc32c, KnownValues) {
  EXPECT_EQ(crc32c(std::as_bytes(std::span(std::string_view("123456789")))), 0xE3069283u);
  EXPECT_EQ(of({}), 0u);
  EXPECT_EQ(of(std::vector<uint8_t>(32, 0x00)), 0x8A9136AAu);
  EXPECT_EQ(of(std::vector<uint8_t>(32, 0xFF)), 0x62A8AB43u);
  std::vector<uint8_t> rising(32);
  std::iota(rising.begin(), rising.end(), uint8_t{0});
  EXPECT_EQ(of(rising), 0x46DD794Eu);
  EXPECT_EQ(of({rising.rbegin(), rising.rend()}), 0x113FDB5Cu);
}

TEST(Crc32c, MayBeTakenInPieces) {
  std::vector<uint8_t> bytes(67);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 37 + 5);
  const auto all = std::as_bytes(std::span(bytes));
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << cut;
}

}  // namespace
}  // namespace pixelgrad
