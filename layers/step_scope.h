#pragma once
#include <cstdint>

#include "tensor/random.h"

namespace pixelgrad {

/// While one lives, random layers on this thread (dropout) know the run's seed and the step. Their
/// numbers depend on nothing else but their own path in the model, so a resumed run draws what the
/// uninterrupted one would have. Outside of any scope seed and step are 0: every forward drops the
/// same elements. Where a step runs the model several times (gradient accumulation), give each its
/// own number: StepScope(seed, step * parts + part).
class StepScope {
 public:
  StepScope(uint64_t seed, uint64_t step);
  ~StepScope();
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;

  /// The key of a stream in the current step.
  static RandomKey key(uint64_t stream);

 private:
  uint64_t previous_seed_, previous_step_;
};

}  // namespace pixelgrad
