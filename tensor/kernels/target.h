#pragma once

namespace pixelgrad::kernels {

/// The SIMD target that the CPU kernels use on this processor: "AVX2", "AVX3" (AVX-512), "NEON" ...
const char* simd_target();

/// Whether this processor has instructions for bf16: AVX512_BF16, AMX-BF16 or Arm's. (The CPU
/// kernels convert with those for integers, so that results are the same everywhere.)
bool has_bf16_instructions();

}  // namespace pixelgrad::kernels
