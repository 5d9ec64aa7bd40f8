#pragma once
#include <vector>

#include "bench/ladder/ladder.h"

namespace pixelgrad::ladder {

struct Speed {
  int threads;
  double gflops;  ///< of the fastest call
  double peak;    ///< GFLOP/s of multiply-adds of as many threads, taken in the same run
};

/// Times all rungs in turn, `rounds` times over, each time for some 30 ms or one call. A rung runs
/// on one thread or on all that parallel_for has. What a call packs or transposes counts.
std::vector<Speed> measure(const Layer& layer, int rounds);

}  // namespace pixelgrad::ladder
