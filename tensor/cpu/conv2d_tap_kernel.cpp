#include "tensor/cpu/conv2d_taps.h"

#include <algorithm>

#include "tensor/parallel.h"
#include "tensor/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_tap_kernel.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_tile-inl.h"  // after the target is set
#include "tensor/cpu/transpose-inl.h"

// The tap convolution: packs the weights, cuts the grid into tasks and the tasks into tiles.
//
// Weights are packed once a call into panels of two vectors of output channels (one where at most
// one vector is left), [panel][block of input channels][tap][input channel][lanes], with zeros in
// the lanes behind the last channel. A block's panel stays in the first caches while a strip of
// pixels passes over it.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

/// How one convolution is laid out for the tiles of this target.
template <class T>
struct Plan {
  explicit Plan(const TapConvolution& convolution) : c(convolution) {
    taps = static_cast<int64_t>(c.taps.size());
    panels = ceil_div(c.out_channels, width);
    // Longer blocks load and store the sums less often. A panel of 768 rows, 48 KiB of vectors of
    // 32 bytes, streams from the second cache without stalls, as a tile multiplies for some hundred
    // cycles for each KiB.
    const int64_t fit = 768 / std::max<int64_t>(1, taps);
    const int64_t largest = std::clamp<int64_t>(fit, 16, max_block);
    int64_t first = 0;  // channel of the source; a block has channels of one
    for (const Source& source : c.sources) {
      const int64_t count = ceil_div(source.channels, largest);
      for (int64_t b = 0; b < count; ++b) {
        block_begin.push_back(first + b * source.channels / count);
        block_source.push_back(&source - c.sources.data());
        block_x.push_back(block_begin.back() - first);
      }
      first += source.channels;
    }
    blocks = static_cast<int64_t>(block_begin.size());
    block_begin.push_back(first);
    // Rows too short for full tiles: tiles run on over the ends of rows and images. Long rows are
    // cut into pieces, so that a strip can be shorter than a row.
    constexpr int64_t tile = max_tile<2>;
    across_rows = 4 * c.cols < 3 * tile * ceil_div(c.cols, tile);
    pieces = across_rows ? 1 : ceil_div(c.cols, 24 * tile);
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t length = block_begin[b + 1] - block_begin[b], x_pixel = pixel(b);
      single.emplace_back();
      fused.emplace_back();
      for (int64_t t = 0; t < taps; ++t) {
        const Tap& tap = c.taps[t];
        const Segment s{tap.dy, tap.dx, (tap.dy * c.in_w + tap.dx) * x_pixel, t * length, length};
        single[b].push_back(s);
        const bool neighbour = t > 0 && length == x_pixel && c.taps[t - 1].dy == tap.dy &&
                               c.taps[t - 1].dx + 1 == tap.dx;
        if (neighbour)
          fused[b].back().length += length;
        else
          fused[b].push_back(s);
        min_dx = t ? std::min(min_dx, tap.dx) : tap.dx;
        max_dx = t ? std::max(max_dx, tap.dx) : tap.dx;
      }
    }
  }

  int64_t panel_width(int64_t panel) const {
    return c.out_channels - panel * width <= lanes<T> ? lanes<T> : width;
  }
  int64_t packed_size() const {
    return ((panels - 1) * width + panel_width(panels - 1)) * taps * c.in_channels;
  }
  /// Where the weights of a panel and block begin.
  int64_t packed_offset(int64_t panel, int64_t block) const {
    return taps * (panel * width * c.in_channels + panel_width(panel) * block_begin[block]);
  }
  /// Values from one pixel to the next of what a block reads.
  int64_t pixel(int64_t block) const { return c.sources[block_source[block]].pixel; }
  /// What strips are made of: pixels where tiles cross rows, else pieces of rows.
  int64_t units() const { return c.images * c.rows * (across_rows ? c.cols : pieces); }
  double flops() const {
    return 2.0 * c.images * c.rows * c.cols * taps * c.in_channels * c.out_channels;
  }

  static constexpr int64_t width = 2 * lanes<T>;
  const TapConvolution& c;
  int64_t taps, panels, blocks, pieces;
  std::vector<int64_t> block_begin;                 // channels; one more than there are blocks
  std::vector<int64_t> block_source, block_x;       // of each block, and its first channel in there
  std::vector<std::vector<Segment>> single, fused;  // of each block
  int64_t min_dx = 0, max_dx = 0;
  bool across_rows;
};

/// Packs one panel of one block.
template <class T>
void pack(const Plan<T>& plan, const T* weight, int64_t panel, int64_t block, T* packed) {
  const TapConvolution& c = plan.c;
  const int64_t width = plan.panel_width(panel), first = panel * Plan<T>::width;
  const int64_t valid = std::min(width, c.out_channels - first);
  const int64_t begin = plan.block_begin[block], length = plan.block_begin[block + 1] - begin;
  for (const Tap& tap : c.taps) {
    const T* w = weight + tap.weight + begin * c.weight_in + first * c.weight_out;
    if (valid < width) std::fill(packed, packed + length * width, T{0});
    if (c.weight_out == 1) {
      for (int64_t ci = 0; ci < length; ++ci)
        std::copy_n(w + ci * c.weight_in, valid, packed + ci * width);
    } else {
      transpose(valid, length, w, c.weight_out, packed, width);  // weight_in is 1
    }
    packed += length * width;
  }
}

/// Runs the tiles of one panel; K vectors of output channels.
template <int K, class T>
class PanelRunner {
 public:
  PanelRunner(const Plan<T>& plan, std::span<const T* const> x, const T* packed, const T* bias,
              T* y, int64_t panel)
      : plan_(plan), c_(plan.c), x_(x), packed_(packed), panel_(panel) {
    const int64_t first = panel * Plan<T>::width;
    bias_ = bias + first;
    y_ = y + c_.y_offset + first;
    valid_ = std::min<int64_t>(K * lanes<T>, c_.out_channels - first);
  }

  void run_rows(int64_t begin, int64_t end) {
    for (int64_t block = 0; block < plan_.blocks; ++block) {
      start_block(block);
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t line = unit / plan_.pieces, piece = unit % plan_.pieces;
        const int64_t first = c_.cols * piece / plan_.pieces;
        const int64_t last = c_.cols * (piece + 1) / plan_.pieces;
        const int64_t tiles = ceil_div(last - first, max_tile<K>);
        for (int64_t t = 0; t < tiles; ++t) {
          const int64_t from = first + (last - first) * t / tiles;
          const int64_t to = first + (last - first) * (t + 1) / tiles;
          row_tile(line / c_.rows, line % c_.rows, from, to - from);
        }
      }
    }
  }

  void run_pixels(int64_t begin, int64_t end) {
    const int64_t tiles = ceil_div(end - begin, max_tile<K>);
    for (int64_t block = 0; block < plan_.blocks; ++block) {
      start_block(block);
      for (int64_t t = 0; t < tiles; ++t)
        loose_tile(begin + (end - begin) * t / tiles, begin + (end - begin) * (t + 1) / tiles);
    }
  }

 private:
  static constexpr int64_t width = K * lanes<T>;

  void start_block(int64_t block) {
    first_block_ = block == 0;
    block_ = block;
    x_block_ = x_[plan_.block_source[block]] + plan_.block_x[block];
    x_pixel_ = plan_.pixel(block);
    tile_.panel = packed_ + plan_.packed_offset(panel_, block);
    tile_.in_h = c_.in_h;
    tile_.in_w = c_.in_w;
    tile_.x_step = c_.stride_w * x_pixel_;
  }

  const T* input(int64_t image, int64_t iy, int64_t ix) const {
    return x_block_ + ((image * c_.in_h + iy) * c_.in_w + ix) * x_pixel_;
  }

  /// Pixels of one row of the grid.
  void row_tile(int64_t image, int64_t row, int64_t col, int64_t pixels) {
    const int64_t iy = row * c_.stride_h, ix = col * c_.stride_w;
    const T* at = input(image, iy, ix);
    T* y = y_ + image * c_.y_image + row * c_.y_row + col * c_.y_pixel;
    const bool inner =
        ix + plan_.min_dx >= 0 && ix + (pixels - 1) * c_.stride_w + plan_.max_dx < c_.in_w;
    if (inner) {
      tile_.segments = plan_.fused[block_];
      tile_.x = at;
      tile_.iy = iy;
      finish(inner_tile_of<K, T>(pixels), pixels, y);
    } else {
      for (int64_t p = 0; p < pixels; ++p)
        pixels_[p] = {at + p * tile_.x_step, iy, ix + p * c_.stride_w};
      tile_.segments = plan_.single[block_];
      tile_.pixels = pixels_;
      finish(border_tile_of<K, T>(pixels), pixels, y);
    }
  }

  /// Pixels that need not be of one row, by their number in the whole grid.
  void loose_tile(int64_t begin, int64_t end) {
    int64_t col = begin % c_.cols, row = begin / c_.cols % c_.rows,
            image = begin / c_.cols / c_.rows;
    T* y[max_tile<K>];
    for (int64_t p = 0; p < end - begin; ++p) {
      const int64_t iy = row * c_.stride_h, ix = col * c_.stride_w;
      pixels_[p] = {input(image, iy, ix), iy, ix};
      y[p] = y_ + image * c_.y_image + row * c_.y_row + col * c_.y_pixel;
      if (++col == c_.cols) {
        col = 0;
        if (++row == c_.rows) row = 0, ++image;
      }
    }
    tile_.segments = plan_.single[block_];
    tile_.pixels = pixels_;
    const auto address = [&](int64_t p) { return y[p]; };
    through_buffer(border_tile_of<K, T>(end - begin), end - begin, address);
  }

  void finish(TileFunction<T> function, int64_t pixels, T* y) {
    if (valid_ < width)
      return through_buffer(function, pixels, [&](int64_t p) { return y + p * c_.y_pixel; });
    tile_.start = first_block_ ? bias_ : y;
    tile_.start_step = first_block_ ? 0 : c_.y_pixel;
    tile_.y = y;
    tile_.y_step = c_.y_pixel;
    function(tile_);
  }

  /// Where vectors would reach behind the last channel, or pixels do not lie at equal distances.
  template <class Address>
  void through_buffer(TileFunction<T> function, int64_t pixels, const Address& y) {
    if (!first_block_)
      for (int64_t p = 0; p < pixels; ++p) std::copy_n(y(p), valid_, buffer_ + p * width);
    tile_.start = first_block_ ? bias_ : buffer_;
    tile_.start_step = first_block_ ? 0 : width;
    tile_.y = buffer_;
    tile_.y_step = width;
    function(tile_);
    for (int64_t p = 0; p < pixels; ++p) std::copy_n(buffer_ + p * width, valid_, y(p));
  }

  const Plan<T>& plan_;
  const TapConvolution& c_;
  const std::span<const T* const> x_;
  const T* packed_;
  const int64_t panel_;
  const T* bias_;
  T* y_;
  int64_t valid_;
  bool first_block_ = true;
  int64_t block_ = 0, x_pixel_ = 0;
  const T* x_block_ = nullptr;
  Tile<T> tile_{};
  Pixel<T> pixels_[max_tile<K>];
  alignas(64) T buffer_[max_tile<K> * width] = {};
};

/// One task: a strip of pixels times panels of output channels of one convolution.
struct TapTask {
  size_t convolution;
  int64_t begin, end;  ///< units of its Plan
  int64_t panel_begin, panel_end;
};

/// Cuts all convolutions into tasks. A strip's input fits the second cache; there are enough tasks
/// for many cores where the work allows it, and panels are dealt out where pixels are few.
template <class T>
std::vector<TapTask> cut(const std::vector<Plan<T>>& plans) {
  constexpr int64_t cache = 160 * 1024, many = 64, few = 32;
  constexpr double smallest = 2e6;  // FLOPs: some 20 microseconds
  struct Cut {
    int64_t strip, strips, groups;
  };
  std::vector<Cut> cuts;
  int64_t most = 0;
  for (const Plan<T>& plan : plans) {
    const TapConvolution& c = plan.c;
    const int64_t units = plan.units(), jobs = static_cast<int64_t>(plans.size());
    Cut cut{0, 0, 0};
    if (units > 0) {
      const int64_t unit_bytes = (plan.across_rows ? 1 : c.cols / plan.pieces) * c.stride_h *
                                 c.stride_w * c.in_channels * static_cast<int64_t>(sizeof(T));
      const auto enough = static_cast<int64_t>(smallest * units / std::max(1.0, plan.flops())) + 1;
      int64_t strip = std::max<int64_t>(1, cache / unit_bytes);
      strip = std::min(strip, std::max(enough, ceil_div(units, ceil_div(many, jobs))));
      if (plan.across_rows) strip = ceil_div(strip, max_tile<2>) * max_tile<2>;
      cut.strips = ceil_div(units, strip);
      cut.strip = ceil_div(units, cut.strips);
      if (plan.across_rows) cut.strip = ceil_div(cut.strip, max_tile<2>) * max_tile<2>;
      cut.strips = ceil_div(units, cut.strip);
      const auto affordable = static_cast<int64_t>(plan.flops() / cut.strips / smallest) + 1;
      cut.groups = std::min({plan.panels, ceil_div(few, cut.strips * jobs), affordable});
    }
    cuts.push_back(cut);
    most = std::max(most, cut.strips);
  }
  std::vector<TapTask> tasks;
  for (int64_t s = 0; s < most; ++s)  // the phases of one strip share its input: side by side
    for (size_t i = 0; i < plans.size(); ++i) {
      const Cut& cut = cuts[i];
      if (s >= cut.strips) continue;
      for (int64_t group = 0; group < cut.groups; ++group)
        tasks.push_back({i, s * cut.strip, std::min((s + 1) * cut.strip, plans[i].units()),
                         plans[i].panels * group / cut.groups,
                         plans[i].panels * (group + 1) / cut.groups});
    }
  return tasks;
}

template <class T>
void run(std::span<const TapConvolution> convolutions, std::span<const T* const> x, const T* weight,
         const T* bias, T* y) {
  std::vector<Plan<T>> plans;
  std::vector<int64_t> packed_begin;
  struct PackTask {
    size_t convolution;
    int64_t panel, block;
  };
  std::vector<PackTask> pack_tasks;
  int64_t packed_size = 0;
  for (size_t i = 0; i < convolutions.size(); ++i) {
    const Plan<T>& plan = plans.emplace_back(convolutions[i]);
    packed_begin.push_back(packed_size);
    packed_size += plan.packed_size();
    for (int64_t panel = 0; panel < plan.panels; ++panel)
      for (int64_t block = 0; block < plan.blocks; ++block) pack_tasks.push_back({i, panel, block});
  }
  if (plans.empty()) return;
  Tensor packed = Tensor::empty({packed_size}, dtype_of<T>);
  T* packed_data = packed.mutable_data<T>();
  const auto pack_count = static_cast<int64_t>(pack_tasks.size());
  const int64_t pack_grain = 1 + 32768 * pack_count / std::max<int64_t>(1, packed_size);
  parallel_range(pack_count, pack_grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const PackTask& task = pack_tasks[i];
      const Plan<T>& plan = plans[task.convolution];
      T* to = packed_data + packed_begin[task.convolution];
      pack(plan, weight, task.panel, task.block, to + plan.packed_offset(task.panel, task.block));
    }
  });

  const int64_t channels = plans[0].c.out_channels;
  std::vector<T> start(plans[0].panels * Plan<T>::width, T{0});
  if (bias) std::copy_n(bias, channels, start.begin());

  const std::vector<TapTask> tasks = cut(plans);
  parallel_for(static_cast<int64_t>(tasks.size()), [&](int64_t i) {
    const TapTask& task = tasks[i];
    const Plan<T>& plan = plans[task.convolution];
    const T* panels = packed_data + packed_begin[task.convolution];
    const auto run_panel = [&](auto&& runner) {
      if (plan.across_rows)
        runner.run_pixels(task.begin, task.end);
      else
        runner.run_rows(task.begin, task.end);
    };
    for (int64_t panel = task.panel_begin; panel < task.panel_end; ++panel) {
      if (plan.panel_width(panel) == lanes<T>)
        run_panel(PanelRunner<1, T>(plan, x, panels, start.data(), y, panel));
      else
        run_panel(PanelRunner<2, T>(plan, x, panels, start.data(), y, panel));
    }
  });
}

void run_f32(std::span<const TapConvolution> convolutions, std::span<const float* const> x,
             const float* weight, const float* bias, float* y) {
  run<float>(convolutions, x, weight, bias, y);
}
void run_f64(std::span<const TapConvolution> convolutions, std::span<const double* const> x,
             const double* weight, const double* bias, double* y) {
  run<double>(convolutions, x, weight, bias, y);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {

HWY_EXPORT(run_f32);
HWY_EXPORT(run_f64);

template <>
void run_taps<float>(std::span<const TapConvolution> convolutions, std::span<const float* const> x,
                     const float* weight, const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(run_f32)(convolutions, x, weight, bias, y);
}
template <>
void run_taps<double>(std::span<const TapConvolution> convolutions,
                      std::span<const double* const> x, const double* weight, const double* bias,
                      double* y) {
  HWY_DYNAMIC_DISPATCH(run_f64)(convolutions, x, weight, bias, y);
}

}  // namespace pixelgrad::cpu
#endif
