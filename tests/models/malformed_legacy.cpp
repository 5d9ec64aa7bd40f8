// Files of torch.save from before PyTorch 1.6 that are not as they must be.
#include "tests/models/malformed_files.h"

namespace pixelgrad::testing::malformed {

using namespace pickled;

std::vector<Rule> legacy_rules() {
  std::vector<Rule> rules;
  const std::string good = legacy_file(good_pickle(), {{6, floats}});
  rules.push_back({"LegacyCutOff", "cut off", cut_at_every_byte(good, 15)});
  Files versions;
  for (const int64_t v : {0, 1000, 1002, -1})
    versions.push_back(legacy_file(good_pickle(), {{6, floats}}, v));
  rules.push_back({"LegacyProtocol", "protocol version", versions});
  rules.push_back(
      {"LegacyBigEndian", "big-endian", {legacy_file(good_pickle(), {{6, floats}}, 1001, false)}});
  Files sizes;
  for (const int64_t elements : {int64_t{0}, int64_t{5}, int64_t{7}, int64_t{-1}, INT64_MAX})
    sizes.push_back(legacy_file(good_pickle(), {{elements, floats}}));
  rules.push_back({"LegacyStorageSize", "elements, expected", sizes});
  rules.push_back({"LegacyUnusedStorage",
                   "which no tensor uses",
                   {legacy_file(good_pickle(), {{6, floats}, {6, floats}})}});
  rules.push_back({"LegacyNoValues", "no values for storage", {legacy_file(good_pickle(), {})}});
  rules.push_back({"LegacyBytesLeftOver",
                   "bytes after the last storage",
                   {good + "x", good + good, good + std::string(10000, '\0')}});
  return rules;
}

}  // namespace pixelgrad::testing::malformed
