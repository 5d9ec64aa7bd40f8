#include "layers/step_scope.h"

namespace pixelgrad {
namespace {
thread_local uint64_t current_seed = 0, current_step = 0;
}  // namespace

StepScope::StepScope(uint64_t seed, uint64_t step)
    : previous_seed_(current_seed), previous_step_(current_step) {
  current_seed = seed;
  current_step = step;
}

StepScope::~StepScope() {
  current_seed = previous_seed_;
  current_step = previous_step_;
}

RandomKey StepScope::key(uint64_t stream) {
  return {.seed = current_seed, .stream = stream, .step = current_step};
}

}  // namespace pixelgrad
