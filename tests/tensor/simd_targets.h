#pragma once
#include <hwy/targets.h>

#include <cstdint>
#include <string>
#include <vector>

// Lets a test run on each SIMD target that is compiled and that this processor has.
namespace pixelgrad::test {

/// As Highway's bits, best first; the compiler's baseline is the last.
inline std::vector<int64_t> simd_targets() {
  std::vector<int64_t> targets;
  for (int64_t target : {HWY_AVX3, HWY_AVX2, HWY_NEON})
    if (target != HWY_STATIC_TARGET && hwy::SupportedTargets() & HWY_TARGETS & target)
      targets.push_back(target);
  targets.push_back(HWY_STATIC_TARGET);
  return targets;
}

inline std::string simd_target_name(int64_t target) { return hwy::TargetName(target); }

/// Kernels run on this target from now on; 0 is the processor's best.
inline void force_simd_target(int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace pixelgrad::test
