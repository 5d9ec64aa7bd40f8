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

#include "tensor/bf16.h"

// What a file compiles per target is a struct of functions, NameTiles<T>, that each work on one
// tile, on one thread, and a template tiles<T>() that fills it. HWY_EXPORT cannot name a template:
//
//   PIXELGRAD_TARGET_TILES(NameTiles)  after tiles<T>(), in HWY_NAMESPACE
//   PIXELGRAD_BEST_TILES(NameTiles)    under HWY_ONCE: best_tiles<T>() is this processor's
//
// PIXELGRAD_TARGET_ACTIVATION_TILES and PIXELGRAD_BEST_ACTIVATION_TILES are the same for f32, f64
// and bf16.
#ifndef PIXELGRAD_TARGET_TILES
#define PIXELGRAD_TARGET_TILES(Tiles)                 \
  Tiles<float> tiles_f32() { return tiles<float>(); } \
  Tiles<double> tiles_f64() { return tiles<double>(); }
#define PIXELGRAD_BEST_TILES(Tiles)             \
  HWY_EXPORT(tiles_f32);                        \
  HWY_EXPORT(tiles_f64);                        \
  template <class T>                            \
  Tiles<T> best_tiles() {                       \
    if constexpr (std::is_same_v<T, float>)     \
      return HWY_DYNAMIC_DISPATCH(tiles_f32)(); \
    else                                        \
      return HWY_DYNAMIC_DISPATCH(tiles_f64)(); \
  }
#define PIXELGRAD_TARGET_ACTIVATION_TILES(Tiles) \
  PIXELGRAD_TARGET_TILES(Tiles)                  \
  Tiles<bf16> tiles_bf16() { return tiles<bf16>(); }
#define PIXELGRAD_BEST_ACTIVATION_TILES(Tiles)   \
  HWY_EXPORT(tiles_f32);                         \
  HWY_EXPORT(tiles_f64);                         \
  HWY_EXPORT(tiles_bf16);                        \
  template <class T>                             \
  Tiles<T> best_tiles() {                        \
    if constexpr (std::is_same_v<T, float>)      \
      return HWY_DYNAMIC_DISPATCH(tiles_f32)();  \
    else if constexpr (std::is_same_v<T, bf16>)  \
      return HWY_DYNAMIC_DISPATCH(tiles_bf16)(); \
    else                                         \
      return HWY_DYNAMIC_DISPATCH(tiles_f64)();  \
  }
#endif
