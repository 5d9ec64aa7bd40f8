// Safetensors files that are not as they must be, and files that are none.
#include "models/safetensors.h"
#include "tests/models/malformed_files.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad::testing::malformed {
namespace {

std::string safetensors_file(const std::string& header, size_t data_bytes) {
  return le<uint64_t>(header.size()) + header + std::string(data_bytes, '\1');
}
std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

}  // namespace

std::string our_file() {
  const ScratchFolder folder;
  write_safetensors(folder / "a", {{{"w", Tensor::full({6}, 0.5, Dtype::f32)}}, {}});
  return file_bytes(folder / "a");
}

std::vector<Rule> safetensors_rules() {
  std::vector<Rule> rules;
  const std::string ours = our_file();
  const uint64_t header_end = 8 + static_cast<uint64_t>(static_cast<unsigned char>(ours[0])) +
                              256 * static_cast<uint64_t>(static_cast<unsigned char>(ours[1]));
  rules.push_back(
      {"SafetensorsHeaderCutOff", "cut off", cut_at_every_byte(ours.substr(0, header_end), 9)});
  rules.push_back(
      {"SafetensorsValuesCutOff", "bytes of data", cut_at_every_byte(ours, header_end)});
  Files flipped;
  for (size_t at = header_end; at < ours.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = ours;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      flipped.push_back(bytes);
    }
  rules.push_back({"SafetensorsValuesDamaged", "do not fit their checksum", flipped});
  Files lengths;
  for (int power = 23; power < 64; ++power)
    lengths.push_back(le(uint64_t{1} << power) + "{\"w\":" + std::string(100, ' '));
  rules.push_back({"SafetensorsHeaderLength", "header of", lengths});
  Files gaps, overlaps, outside, sizes;
  const auto two = [](const std::string& a, const std::string& b) {
    return "{\"a\":" + entry("F16", "[4]", a) + ",\"b\":" + entry("F16", "[4]", b) + "}";
  };
  for (int shift = 1; shift < 8; ++shift) {
    const std::string from = std::to_string(8 + shift), to = std::to_string(16 + shift);
    gaps.push_back(safetensors_file(two("[0,8]", "[" + from + "," + to + "]"),
                                    16 + static_cast<size_t>(shift)));
    const std::string inside = std::to_string(8 - shift), end = std::to_string(16 - shift);
    overlaps.push_back(safetensors_file(two("[0,8]", "[" + inside + "," + end + "]"),
                                        16 - static_cast<size_t>(shift)));
    outside.push_back(safetensors_file(two("[0,8]", "[" + from + "," + to + "]"), 16));
    sizes.push_back(safetensors_file(
        "{\"a\":" + entry("BF16", "[" + std::to_string(4 + shift) + "]", "[0,8]") + "}", 8));
  }
  rules.push_back({"SafetensorsGap", "leaves a gap", gaps});
  rules.push_back({"SafetensorsOverlap", "overlaps the one before", overlaps});
  rules.push_back({"SafetensorsOutside", "of 16 bytes of data", outside});
  rules.push_back({"SafetensorsSize", "data of 8 bytes, expected", sizes});
  Files products;
  for (const char* shape : {"[4294967296,4294967296]", "[9223372036854775807,2]",
                            "[3037000500,3037000500]", "[2,2,2,2305843009213693952]"})
    for (const char* type : {"F64", "F32", "F16", "BF16", "I8"})
      if (std::string(type) != "I8" || std::string(shape) != "[3037000500,3037000500]")
        products.push_back(safetensors_file("{\"a\":" + entry(type, shape, "[0,8]") + "}", 8));
  rules.push_back({"SafetensorsSizesWrap", "too many elements", products});
  Files types;
  for (const char* type :
       {"F8_E4M3", "F8_E5M2", "U16", "U32", "U64", "C64", "f16", "BF", "", "F128"})
    types.push_back(safetensors_file("{\"a\":" + entry(type, "[2]", "[0,8]") + "}", 8));
  rules.push_back({"SafetensorsType", "expected F32", types});
  rules.push_back({"SafetensorsTwice",
                   "appears twice",
                   {safetensors_file("{\"a\":" + entry("U8", "[0]", "[0,0]") +
                                         ",\"a\":" + entry("U8", "[0]", "[0,0]") + "}",
                                     0)}});
  rules.push_back(
      {"NoWeightFile",
       "neither a safetensors file",
       {"", "x", "PK", "PK\3", "\x80\x02}.", "<!DOCTYPE html>\n<html>", "\x89HDF\r\n\x1a\n",
        "version https://git-lfs.github.com/spec/v1\n", std::string(600, '\0'),
        std::string(257, 'a') + "ustar" + std::string(300, '\0')}});
  return rules;
}

}  // namespace pixelgrad::testing::malformed
