#pragma once

namespace pixelgrad::kernels {

/// The SIMD target that the CPU kernels use on this processor: "AVX2", "AVX3" (AVX-512), "NEON" ...
const char* simd_target();

}  // namespace pixelgrad::kernels
