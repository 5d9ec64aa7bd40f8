#include "data/split.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "tensor/check.h"
#include "tensor/random.h"

namespace pixelgrad {

SplitRule parse_split_rule(std::string_view text) {
  const auto fail = [&]() -> SplitRule {
    throw UsageError(
        str("[split] rule \"", text,
            "\", expected tail:PERCENT% or random:PERCENT%"
            "[:SEED], with PERCENT between 0 and 100, as in tail:20% or random:20%:7"));
  };
  SplitRule rule;
  std::string_view rest = text;
  const auto take_prefix = [&](std::string_view prefix) {
    if (!rest.starts_with(prefix)) return false;
    rest.remove_prefix(prefix.size());
    return true;
  };
  const auto take_number = [&](auto& value) {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc{}) return false;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    return true;
  };
  if (take_prefix("random:"))
    rule.kind = SplitRule::Kind::random;
  else if (!take_prefix("tail:"))
    return fail();
  if (!take_number(rule.percent) || !take_prefix("%")) return fail();
  if (!(rule.percent > 0 && rule.percent < 100)) return fail();
  if (rule.kind == SplitRule::Kind::random && take_prefix(":") && !take_number(rule.seed))
    return fail();
  return rest.empty() ? rule : fail();
}

std::vector<int64_t> split_indices(const SplitRule& rule, const std::string& split, int64_t count) {
  check<UsageError>(split == "train" || split == "val" || split == "all", "[split] \"", split,
                    "\" of a folder without splits, expected train, val or all");
  check<UsageError>(count >= 2 || split == "all", "[split] ", count,
                    " samples cannot be divided into train and val, expected at least 2");
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  if (split == "all") return order;
  if (rule.kind == SplitRule::Kind::random) order = shuffled(count, rule.seed, "split", 0);
  const int64_t val = std::clamp<int64_t>(
      std::llround(static_cast<double>(count) * rule.percent / 100), 1, count - 1);
  const auto border = order.end() - val;
  std::vector<int64_t> chosen(split == "val" ? border : order.begin(),
                              split == "val" ? order.end() : border);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::vector<int64_t> shuffled(int64_t count, uint64_t seed, std::string_view stream,
                              uint64_t step) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  Random random({.seed = seed, .stream = stream_of(stream), .step = step});
  for (int64_t i = count - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.below(i + 1))]);
  return order;
}

}  // namespace pixelgrad
