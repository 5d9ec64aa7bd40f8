// Rung 5's idea, which rungs 6 and 7 build on: weights in the order in which the tiles read them,
// and work in pieces that fit the caches. Included once per SIMD target (tensor/cpu/simd.h).
#if defined(PIXELGRAD_BENCH_LADDER_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_BENCH_LADDER_PANELS_INL_H_
#undef PIXELGRAD_BENCH_LADDER_PANELS_INL_H_
#else
#define PIXELGRAD_BENCH_LADDER_PANELS_INL_H_
#endif

#include <vector>

#include "bench/ladder/tile-inl.h"
#include "tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::ladder::HWY_NAMESPACE {

constexpr int64_t ceil_div(int64_t n, int64_t parts) { return (n + parts - 1) / parts; }

/// A layer whose work is cut three times:
/// - output channels into panels of `width`, one tile wide;
/// - input channels into blocks, so that a block's weights, at most 768 rows of a panel (96 KiB of
///   vectors of 64 bytes, 48 KiB of 32), stay in the second cache while the tiles of a strip pass;
/// - rows into strips whose input, 128 KiB or one row, stays there with them.
/// A strip times a panel is a task: tasks write to different places, in any order.
class PackedLayer {
 public:
  explicit PackedLayer(const Layer& layer)
      : l_(layer),
        panels_(ceil_div(l_.out, width)),
        blocks_(ceil_div(9 * l_.in, 768)),
        weights_(Tensor::zeros({panels_, 9, l_.in, width}, Dtype::f32)),
        packed_(weights_.mutable_data<float>()),
        zeros_(l_.in) {
    const int64_t row_bytes = l_.width * l_.in * static_cast<int64_t>(sizeof(float));
    rows_ = std::clamp<int64_t>(64 * 1024 / row_bytes, 1, l_.height);
    strips_ = ceil_div(l_.height, rows_);
  }

  int64_t panels() const { return panels_; }
  int64_t tasks() const { return l_.batch * strips_ * panels_; }

  /// Copies the weights of a panel: [block][3][3][channels of the block][width]. A tile reads a
  /// block's part from beginning to end.
  void pack(int64_t panel) {
    const int64_t first_out = panel * width, outs = std::min(width, l_.out - first_out);
    for (int64_t block = 0; block < blocks_; ++block) {
      const int64_t first = first_channel(block), channels = first_channel(block + 1) - first;
      float* to = packed_ + weights_offset(panel, block);
      for (int64_t tap = 0; tap < 9; ++tap, to += channels * width)
        for (int64_t co = 0; co < outs; ++co) {
          const float* from = l_.weight + ((first_out + co) * 9 + tap) * l_.in + first;
          for (int64_t ci = 0; ci < channels; ++ci) to[ci * width + co] = from[ci];
        }
    }
  }

  /// Computes a task. finish(place, sums) is called for each tile when its sums are complete, right
  /// before they are stored.
  template <class Finish>
  void run(int64_t task, const Finish& finish) const {
    const int64_t panel = task % panels_, strip = task / panels_ % strips_;
    const int64_t n = task / panels_ / strips_;
    const int64_t end = std::min(l_.height, (strip + 1) * rows_);
    for (int64_t block = 0; block < blocks_; ++block)
      for (int64_t row = strip * rows_; row < end; ++row)
        for (int64_t col = 0; col < l_.width; col += pixels) {
          const Place at{n, row, col, panel * width};
          if (block == 0)
            tile<true>(at, panel, block, finish);
          else
            tile<false>(at, panel, block, finish);
        }
  }

 private:
  int64_t first_channel(int64_t block) const { return l_.in * block / blocks_; }
  int64_t weights_offset(int64_t panel, int64_t block) const {
    return (panel * l_.in + first_channel(block)) * 9 * width;
  }

  /// The first block's sums start from 0, the others' from what the block before stored in y.
  template <bool first_block, class Finish>
  HWY_INLINE void tile(const Place& at, int64_t panel, int64_t block, const Finish& finish) const {
    const int64_t first = first_channel(block), channels = first_channel(block + 1) - first;
    const Weights weights{packed_ + weights_offset(panel, block), channels * width, width};
    Sums sum;
    if constexpr (first_block)
      clear(sum);
    else
      load(l_, at, sum);
    add_products(l_, at, first, channels, weights, zeros_.data(), sum);
    if (block + 1 == blocks_) finish(at, sum);
    store(l_, at, sum);
  }

  const Layer& l_;
  int64_t panels_, blocks_, rows_, strips_;
  Tensor weights_;
  float* packed_;
  std::vector<float> zeros_;
};

}  // namespace pixelgrad::ladder::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
