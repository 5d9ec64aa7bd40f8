#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pixelgrad {

/// How a folder without a division into train and val is divided.
struct SplitRule {
  enum class Kind { tail, random } kind = Kind::tail;
  double percent = 20;  ///< of the samples that become val, in (0, 100)
  uint64_t seed = 0;    ///< of a random rule
};

/// "tail:20%": the last 20 % in the order of names are val. Right for frames of a video, where
/// neighbours look alike and a random rule would put near copies of training images into val.
/// "random:20%:SEED" (or "random:20%", seed 0): a random 20 %. Throws UsageError.
SplitRule parse_split_rule(std::string_view text);

/// The indices, ascending, of `split` ("train", "val" or "all") among `count` samples in the order
/// of names. val has round(count * percent / 100) samples, but at least one, and so has train.
/// Throws UsageError on another split or fewer than 2 samples.
std::vector<int64_t> split_indices(const SplitRule& rule, const std::string& split, int64_t count);

/// The permutation of 0..count-1 that (seed, stream, step) gives: Fisher-Yates with Philox.
std::vector<int64_t> shuffled(int64_t count, uint64_t seed, std::string_view stream, uint64_t step);

}  // namespace pixelgrad
