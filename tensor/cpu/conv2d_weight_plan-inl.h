// How a weight gradient is cut into blocks and tasks. Included once per SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_CONV2D_WEIGHT_PLAN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_CONV2D_WEIGHT_PLAN_INL_H_
#undef PIXELGRAD_TENSOR_CPU_CONV2D_WEIGHT_PLAN_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_CONV2D_WEIGHT_PLAN_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "tensor/cpu/conv2d_registers-inl.h"
#include "tensor/cpu/conv2d_taps.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
using kernels::Conv2dGeometry;

/// How the work is cut; by shape alone.
template <class T>
struct WeightPlan {
  WeightPlan(const Conv2dGeometry& geometry, bool swapped) : g(geometry), swapped(swapped) {
    in = g.in_channels / g.groups;
    out = g.out_channels / g.groups;
    panels = ceil_div(out, width);
    // Chunks as long as the sums of a panel stay near the first cache, 36 KiB of vectors of 32
    // bytes.
    const int64_t longest = std::clamp<int64_t>(576 / (g.kernel_h * g.kernel_w), 64, 256);
    chunks = ceil_div(in, longest);
    chunk = ceil_div(in, chunks);
    chunks = ceil_div(in, chunk);
    // Few channels make poor tiles: the taps of a row, whose inputs are neighbours in memory, are
    // then taken as kernel_w times as many channels.
    fused = g.dilation_w == 1 && g.kernel_w > 1 && chunk < 2 * max_tile<2>;

    block_cols = ceil_div(g.out_w, ceil_div(g.out_w, pixels));
    col_blocks = ceil_div(g.out_w, block_cols);
    block_lines = std::max<int64_t>(1, pixels / block_cols);
    line_blocks = ceil_div(g.n * g.out_h, block_lines);
    packed_cols = (block_cols - 1) * g.stride_w + (g.kernel_w - 1) * g.dilation_w + 1;

    cut();
  }

  int64_t panel_width(int64_t panel) const {
    return out - panel * width <= lanes<T> ? lanes<T> : width;
  }
  int64_t group_begin(int64_t group) const { return panels * group / groups; }
  int64_t most_panels() const { return ceil_div(panels, groups); }
  /// Values that a task needs for packed dy and x.
  int64_t scratch() const {
    return block_lines * (block_cols * most_panels() * width + packed_cols * chunk);
  }
  int64_t chunk_size(int64_t index) const { return std::min(chunk, in - index * chunk); }
  /// Values of one panel's sums.
  int64_t panel_size() const { return g.kernel_h * g.kernel_w * chunk * width; }
  /// Values of the sums of all tasks, of which each chunk and panel has one for each part.
  int64_t sums_size() const { return parts * chunks * panels * panel_size(); }
  T* sums(T* all, int64_t part, int64_t index, int64_t panel) const {
    return all + ((part * chunks + index) * panels + panel) * panel_size();
  }

  static constexpr int64_t width = 2 * lanes<T>;
  static constexpr int64_t pixels = 128;  // of a block: its dy and x fit the first cache
  const Conv2dGeometry& g;
  /// x is the gradient and dy the input; the rows of the weights have g.weight_channels values.
  const bool swapped;
  int64_t in, out, panels, chunk, chunks, groups, parts;
  int64_t block_cols, col_blocks, block_lines, line_blocks, packed_cols;
  bool fused;

 private:
  /// Cuts panels into groups and pixels into parts: enough tasks for some cores, each with sums
  /// that fit the second cache, and of all such cuts the one that moves the fewest values. Each
  /// group reads all of x, each chunk all of dy, and packing reads and writes once more. The sums
  /// of several parts are written and read again; those of one go from the cache straight to the
  /// result.
  void cut() {
    constexpr int64_t enough = 24;
    const int64_t pixels = g.n * g.out_h * g.out_w;
    const int64_t largest =
        std::clamp<int64_t>(256 * 1024 / (panel_size() * int64_t{sizeof(T)}), 1, 64 / lanes<T>);
    const int64_t most_parts =
        std::clamp<int64_t>(std::min(pixels / 1024, line_blocks * col_blocks), 1, 64);
    const bool in_place = chunk == g.in_channels && !fused;
    const int64_t x = g.n * g.in_h * g.in_w * in * (in_place ? 1 : 3), dy = pixels * out;
    const int64_t weights = g.kernel_h * g.kernel_w * in * out;
    int64_t least = std::numeric_limits<int64_t>::max();
    for (int64_t n = ceil_div(panels, largest); n <= panels; ++n) {
      const int64_t needed = std::clamp<int64_t>(ceil_div(enough, n * chunks), 1, most_parts);
      const int64_t moved = n * x + chunks * 3 * dy + (needed == 1 ? 1 : 3 * needed) * weights;
      const bool last = n == panels;
      if ((n * chunks * needed >= enough || last) && moved < least) {
        least = moved;
        groups = n;
        parts = needed;
      }
    }
  }
};

/// Whether the only tap reads the pixel of dy itself.
inline bool pointwise(const Conv2dGeometry& g) {
  return g.kernel_h * g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1 && g.pad_top == 0 &&
         g.pad_left == 0 && g.in_h == g.out_h && g.in_w == g.out_w;
}

/// Then all pixels are one row.
inline Conv2dGeometry flattened(Conv2dGeometry g) {
  if (!pointwise(g) || g.n == 0) return g;
  g.in_w = g.out_w = g.n * g.in_h * g.in_w;
  g.n = g.in_h = g.out_h = 1;
  return g;
}

/// And then input and output channels may change places: those that fill their vectors better
/// become the lanes.
template <class T>
bool better_swapped(const Conv2dGeometry& g) {
  if (!pointwise(g)) return false;
  const int64_t in = g.in_channels / g.groups, out = g.out_channels / g.groups;
  const auto cost = [](int64_t rows, int64_t columns) {
    const int64_t vectors = ceil_div(columns, lanes<T>);
    // A tile of one vector has as many loads as multiply-adds, and takes longer for each.
    return rows * (4 * vectors + 2 * (vectors % 2));
  };
  return out >= 8 && cost(out, in) < cost(in, out);
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
