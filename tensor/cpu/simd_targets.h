#pragma once

// Which Highway targets are compiled. Include this before any Highway header. One binary carries
// code for AVX-512, AVX2, NEON and the compiler's baseline, and picks at run time; targets between
// these would double compile time for processors that hardly exist any more.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif
