// Included by each CPU kernel file, once per SIMD target, so without an include guard:
//
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "tensor/cpu/NAME.cpp"
//   #include "tensor/cpu/simd.h"
//
// What then stands between HWY_BEFORE_NAMESPACE() and HWY_AFTER_NAMESPACE(), in a namespace
// HWY_NAMESPACE, is compiled for the baseline, AVX2, AVX-512 and NEON; the best one that the
// processor has is chosen at run time. Fewer targets than Highway offers keep the build short: what
// lies between them (SSE4) is ten years behind, and what lies beyond is too rare to test
// (cmake/PixelgradCompile.cmake limits them).
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <type_traits>
