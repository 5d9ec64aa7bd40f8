#include "tensor/cpu/conv2d_taps.h"

#include <algorithm>

#include "tensor/cpu/read_ahead.h"
#include "tensor/cpu/scratch.h"
#include "tensor/mutant_internal.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_weight_gradient.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_outer-inl.h"  // after the target is set
#include "tensor/cpu/conv2d_weight_plan-inl.h"
#include "tensor/cpu/transpose-inl.h"

// The weight gradient: for each tap the sum over pixels of x (outer) dy. A register tile holds the
// sums of a few input channels times two vectors of output channels while a block of pixels passes
// by; the block's sum is then added to the task's sums, so that long sums are added up in two
// levels and lose few digits.
//
// Of a block of pixels, dy is packed into panels [panel][pixel][lanes]. Where x has more channels
// than a task takes, the lines that a row of taps reads are packed as well, into
// [line][column][channel]: the strides of wide tensors fall on few sets of the first cache.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {
using kernels::Conv2dGeometry;

/// For runs too short for the call of a library function to pay.
template <class T>
HWY_INLINE void copy_values(const T* HWY_RESTRICT from, int64_t count, T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  for (; i < count; ++i) to[i] = from[i];
}

/// One task: the sums of one part of the pixels, a chunk of input channels and a group of panels.
template <class T>
class Task {
 public:
  /// `sums` [panels of the group][plan.panel_size()].
  Task(const WeightPlan<T>& plan, const T* x, const T* dy, T* sums, int64_t part, int64_t index,
       int64_t group, T* scratch)
      : plan_(plan),
        g_(plan.g),
        x_(x + index * plan.chunk),
        dy_(dy),
        sums_(sums),
        part_(part),
        panel_begin_(plan.group_begin(group)),
        panel_end_(plan.group_begin(group + 1)),
        channels_(plan.chunk_size(index)),
        block_pixels_(plan.block_lines * plan.block_cols) {
    packed_dy_ = scratch;
    packed_x_ = packed_dy_ + block_pixels_ * plan.most_panels() * WeightPlan<T>::width;
    x_in_place_ = channels_ == g_.in_channels && !plan.fused;
  }

  void run() {
    std::fill_n(sums_, (panel_end_ - panel_begin_) * plan_.panel_size(), T{0});
    const int64_t blocks = plan_.line_blocks * plan_.col_blocks;
    const int64_t end = blocks * (part_ + 1) / plan_.parts;
    for (int64_t b = blocks * part_ / plan_.parts; b < end; ++b) {
      enter(b);
      pack_dy();
      read_ahead_.clear();
      if (b + 1 < end) plan_reading(b + 1);
      add_block();
    }
  }

 private:
  void enter(int64_t block) {
    line_begin_ = block / plan_.col_blocks * plan_.block_lines;
    lines_ = std::min(plan_.block_lines, g_.n * g_.out_h - line_begin_);
    col_begin_ = block % plan_.col_blocks * plan_.block_cols;
    cols_ = std::min(plan_.block_cols, g_.out_w - col_begin_);
  }

  /// Has the tiles of this block fetch what the next one reads first: its dy, and the lines of x
  /// that no block has read before.
  void plan_reading(int64_t next) {
    const int64_t line_begin = next / plan_.col_blocks * plan_.block_lines;
    const int64_t col_begin = next % plan_.col_blocks * plan_.block_cols;
    const int64_t lines = std::min(plan_.block_lines, g_.n * g_.out_h - line_begin);
    const int64_t cols = std::min(plan_.block_cols, g_.out_w - col_begin);
    const auto bytes = [](int64_t values) { return values * int64_t{sizeof(T)}; };
    const int64_t first = panel_begin_ * WeightPlan<T>::width;
    const int64_t count = std::min(panel_end_ * WeightPlan<T>::width, plan_.out) - first;
    read_ahead_.add(dy_ + (line_begin * g_.out_w + col_begin) * g_.out_channels + first,
                    bytes(count), bytes(g_.out_channels), lines * cols);
    const int64_t ix = std::clamp<int64_t>(col_begin * g_.stride_w, 0, g_.in_w);
    const int64_t in_cols = std::min(cols * g_.stride_w, g_.in_w - ix);
    for (int64_t l = 0; l < lines; ++l) {
      const int64_t image = (line_begin + l) / g_.out_h, oy = (line_begin + l) % g_.out_h;
      for (int64_t r = std::max<int64_t>(0, g_.kernel_h - g_.stride_h); r < g_.kernel_h; ++r) {
        const int64_t iy = oy * g_.stride_h - g_.pad_top + r * g_.dilation_h;
        if (iy < 0 || iy >= g_.in_h) continue;
        read_ahead_.add(x_ + ((image * g_.in_h + iy) * g_.in_w + ix) * g_.in_channels,
                        bytes(channels_), bytes(g_.in_channels), in_cols);
      }
    }
    const int64_t rows = plan_.fused ? g_.kernel_w * channels_ : channels_;
    const int64_t tiles = ceil_div(rows, max_tile<2>) * (plan_.fused ? 1 : g_.kernel_w);
    read_ahead_.spread(tiles * g_.kernel_h * (panel_end_ - panel_begin_));
  }

  void add_block() {
    for (int64_t r = 0; r < g_.kernel_h; ++r) {
      const std::span<const Line> lines = pack_x(r);
      if (lines.empty()) continue;
      for (int64_t panel = panel_begin_; panel < panel_end_; ++panel) {
        if (plan_.panel_width(panel) == lanes<T>)
          add_taps<1>(r, panel, lines);
        else
          add_taps<2>(r, panel, lines);
      }
    }
  }

  void pack_dy() {
    for (int64_t panel = panel_begin_; panel < panel_end_; ++panel) {
      if (plan_.panel_width(panel) == lanes<T>)
        pack_dy<1>(panel);
      else
        pack_dy<2>(panel);
    }
  }

  template <int K>
  void pack_dy(int64_t panel) {
    const hn::ScalableTag<T> d;
    constexpr int64_t width = K * lanes<T>;
    const int64_t first = panel * WeightPlan<T>::width, valid = std::min(width, plan_.out - first);
    T* to = packed_dy_ + (panel - panel_begin_) * block_pixels_ * WeightPlan<T>::width;
    for (int64_t l = 0; l < lines_; ++l) {
      const T* from = dy_ + ((line_begin_ + l) * g_.out_w + col_begin_) * g_.out_channels + first;
      for (int64_t col = 0; col < cols_; ++col, from += g_.out_channels, to += width) {
        if (valid == width) {
          for (int k = 0; k < K; ++k)
            hn::StoreU(hn::LoadU(d, from + k * lanes<T>), d, to + k * lanes<T>);
        } else {
          for (int k = 0; k < K; ++k) hn::StoreU(hn::Zero(d), d, to + k * lanes<T>);
          for (int64_t lane = 0; lane < valid; ++lane) to[lane] = from[lane];
        }
      }
    }
  }

  /// Packs the input lines that row r of the taps reads; zeros beside the image. Lines that hold
  /// nothing but the chunk are read where they are. Returns the lines that lie inside the image.
  std::span<const Line> pack_x(int64_t r) {
    found_.clear();
    const int64_t columns = (cols_ - 1) * g_.stride_w + (g_.kernel_w - 1) * g_.dilation_w + 1;
    const int64_t first = col_begin_ * g_.stride_w - g_.pad_left;
    const int64_t low = std::clamp<int64_t>(-first, 0, columns);
    const int64_t high = std::clamp<int64_t>(g_.in_w - first, low, columns);
    T* to = packed_x_;
    for (int64_t l = 0; l < lines_; ++l) {
      const int64_t image = (line_begin_ + l) / g_.out_h, oy = (line_begin_ + l) % g_.out_h;
      const int64_t iy =
          oy * PIXELGRAD_MUTANT(conv2d_weight_gradient_without_stride, g_.stride_h, 1) -
          PIXELGRAD_MUTANT(conv2d_weight_gradient_without_padding, g_.pad_top, 0) +
          r * PIXELGRAD_MUTANT(conv2d_weight_gradient_without_dilation, g_.dilation_h, 1);
      if (iy < 0 || iy >= g_.in_h) continue;
      const int64_t at = ((image * g_.in_h + iy) * g_.in_w + first) * g_.in_channels;
      if (x_in_place_) {
        found_.push_back({at, l * cols_});
        continue;
      }
      found_.push_back({to - packed_x_, l * cols_});
      std::fill_n(to, low * channels_, T{0});
      const T* from = x_ + at + low * g_.in_channels;
      if (channels_ == g_.in_channels) {
        std::copy_n(from, (high - low) * channels_, to + low * channels_);
      } else {
        for (int64_t col = low; col < high; ++col, from += g_.in_channels)
          copy_values(from, channels_, to + col * channels_);
      }
      std::fill_n(to + high * channels_, (columns - high) * channels_, T{0});
      to += columns * channels_;
    }
    return found_;
  }

  template <int K>
  void add_taps(int64_t r, int64_t panel, std::span<const Line> lines) {
    constexpr int64_t width = K * lanes<T>;
    const T* dy = packed_dy_ + (panel - panel_begin_) * block_pixels_ * WeightPlan<T>::width;
    T* sums =
        sums_ + (panel - panel_begin_) * plan_.panel_size() + r * g_.kernel_w * channels_ * width;
    const int64_t x_step = g_.stride_w * channels_;
    const int64_t merged = plan_.fused ? g_.kernel_w : 1, rows = merged * channels_;
    for (int64_t s = 0; s < g_.kernel_w; s += merged, sums += rows * width) {
      // Only the columns whose input lies inside the image; merged taps read the packed zeros.
      int64_t low = 0, high = cols_;
      if (merged == 1) {
        const int64_t first = col_begin_ * g_.stride_w - g_.pad_left + s * g_.dilation_w;
        if (first < 0) low = ceil_div(-first, g_.stride_w);
        high = std::min(cols_, first >= g_.in_w ? 0 : (g_.in_w - 1 - first) / g_.stride_w + 1);
        high -= PIXELGRAD_MUTANT(conv2d_weight_gradient_last_column_lost, 0, 1);
        if (low >= high) continue;
      }
      shifted_.clear();
      for (const Line& line : lines)
        shifted_.push_back(
            {line.x + s * g_.dilation_w * channels_ + low * x_step, (line.dy + low) * width});
      add_outer_products<K, T>({.x = (x_in_place_ ? x_ : packed_x_),
                                .x_step = x_step,
                                .dy = dy,
                                .lines = shifted_,
                                .pixels = high - low,
                                .total = sums},
                               rows, read_ahead_);
    }
  }

  const WeightPlan<T>& plan_;
  const Conv2dGeometry& g_;
  const T* x_;
  const T* dy_;
  T* sums_;
  const int64_t part_, panel_begin_, panel_end_, channels_, block_pixels_;
  T* packed_dy_;
  T* packed_x_;
  int64_t line_begin_ = 0, lines_ = 0, col_begin_ = 0, cols_ = 0;
  bool x_in_place_;
  ReadAhead read_ahead_;
  std::vector<Line> found_, shifted_;
};

/// The sums of a 1x1 kernel whose outputs and inputs changed places are [out][in] already.
template <class T>
void finish_swapped(const WeightPlan<T>& plan, const T* sums, int64_t index, int64_t panel,
                    T* dweight) {
  const int64_t width = plan.panel_width(panel), first = panel * WeightPlan<T>::width;
  const int64_t valid = std::min(width, plan.out - first), row = plan.g.weight_channels;
  T* to = dweight + index * plan.chunk * row + first;
  for (int64_t m = 0; m < plan.chunk_size(index); ++m, sums += width, to += row)
    std::copy_n(sums, valid, to);
}

/// Turns the sums of a chunk and panel, [tap][in][out], into [out][tap][in].
template <class T>
void finish(const WeightPlan<T>& plan, const T* sums, int64_t index, int64_t panel, T* dweight) {
  if (plan.swapped) return finish_swapped(plan, sums, index, panel, dweight);
  const int64_t taps = plan.g.kernel_h * plan.g.kernel_w, channels = plan.chunk_size(index);
  const int64_t width = plan.panel_width(panel), first = panel * WeightPlan<T>::width;
  const int64_t valid = std::min(width, plan.out - first);
  for (int64_t tap = 0; tap < taps; ++tap)
    transpose(channels, valid, sums + tap * channels * width, width,
              dweight + (first * taps + tap) * plan.g.weight_row() + index * plan.chunk,
              taps * plan.g.weight_row());
}

/// Adds the parts in their order to the first.
template <class T>
void add_parts(const WeightPlan<T>& plan, T* all, int64_t index, int64_t panel) {
  T* sum = plan.sums(all, 0, index, panel);
  for (int64_t part = 1; part < plan.parts; ++part) {
    const T* other = plan.sums(all, part, index, panel);
    for (int64_t i = 0; i < plan.panel_size(); ++i) sum[i] += other[i];
  }
}

template <class T>
void run(const Conv2dGeometry& given, const T* x, const T* dy, T* dweight) {
  Conv2dGeometry g = flattened(given);
  const bool swapped = better_swapped<T>(g);
  if (swapped) {
    g.weight_channels = g.weight_row();
    std::swap(g.in_channels, g.out_channels);
    std::swap(x, dy);
  }
  const WeightPlan<T> plan(g, swapped);
  // The sums of a single part never leave the cache of the task that makes them.
  const bool whole = plan.parts == 1;
  const int64_t task_sums = whole ? plan.most_panels() * plan.panel_size() : 0;
  const Scratch<T> scratch(task_sums + plan.scratch());
  Tensor all_sums = Tensor::empty({whole ? 0 : plan.sums_size()}, dtype_of<T>);
  T* all = all_sums.mutable_data<T>();
  parallel_for(plan.parts * plan.groups * plan.chunks, [&](int64_t i) {
    const int64_t group = i % plan.groups, rest = i / plan.groups;
    const int64_t part = rest / plan.chunks, index = rest % plan.chunks;
    const int64_t begin = plan.group_begin(group), end = plan.group_begin(group + 1);
    T* sums = whole ? scratch.mine() : plan.sums(all, part, index, begin);
    Task<T>(plan, x, dy, sums, part, index, group, scratch.mine() + task_sums).run();
    if (whole)
      for (int64_t panel = begin; panel < end; ++panel)
        finish(plan, sums + (panel - begin) * plan.panel_size(), index, panel, dweight);
  });
  if (whole) return;
  parallel_for(plan.chunks * plan.panels, [&](int64_t i) {
    const int64_t index = i % plan.chunks, panel = i / plan.chunks;
    add_parts(plan, all, index, panel);
    finish(plan, plan.sums(all, 0, index, panel), index, panel, dweight);
  });
}

void weight_gradient_f32(const Conv2dGeometry& g, const float* x, const float* dy, float* dweight) {
  run<float>(g, x, dy, dweight);
}
void weight_gradient_f64(const Conv2dGeometry& g, const double* x, const double* dy,
                         double* dweight) {
  run<double>(g, x, dy, dweight);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {

HWY_EXPORT(weight_gradient_f32);
HWY_EXPORT(weight_gradient_f64);

template <>
void weight_gradient<float>(const kernels::Conv2dGeometry& g, const float* x, const float* dy,
                            float* dweight) {
  HWY_DYNAMIC_DISPATCH(weight_gradient_f32)(g, x, dy, dweight);
}
template <>
void weight_gradient<double>(const kernels::Conv2dGeometry& g, const double* x, const double* dy,
                             double* dweight) {
  HWY_DYNAMIC_DISPATCH(weight_gradient_f64)(g, x, dy, dweight);
}

}  // namespace pixelgrad::cpu
#endif
