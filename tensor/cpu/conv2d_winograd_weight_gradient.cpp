#include <algorithm>

#include "tensor/cpu/conv2d_winograd.h"
#include "tensor/cpu/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_winograd_weight_gradient.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_outer-inl.h"  // after the target is set
#include "tensor/cpu/conv2d_winograd-inl.h"
#include "tensor/cpu/transpose-inl.h"

// The weight gradient by Winograd. A task takes some input channels and some panels of output
// channels. For each block of tiles it transforms x to `v`, [point][tile][input channel], and dy to
// `q`, [panel][point][tile][lanes], and adds their outer products to its sums,
// [panel][point][input channel][lanes]: register tiles and two levels of adding up are those of the
// direct kernel. Pixels are cut into parts, with sums of their own, only where the weight is small.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {
using kernels::Conv2dGeometry;

/// How the work is cut; by shape alone, since the order of adding follows from it.
template <class T>
struct Plan {
  explicit Plan(const Conv2dGeometry& geometry) : g(geometry), grid(g.n, g.out_h, g.out_w) {
    in = g.in_channels / g.groups;
    out = g.out_channels / g.groups;
    panels = ceil_div(out, width);
    // v, q and the sums of a task share the second cache.
    chunks = ceil_div(in, 4096 / width);
    chunk = ceil_div(in, chunks);
    chunks = ceil_div(in, chunk);
    groups = ceil_div(panels, 4096 / width / width);
    block =
        std::clamp<int64_t>(512 * 1024 / static_cast<int64_t>(points * chunk * sizeof(T)), 32, 128);
    blocks = ceil_div(grid.count, block);
    const int64_t most_parts = std::clamp<int64_t>(grid.count / 512, 1, 64);
    parts = std::min(std::clamp<int64_t>(ceil_div(32, groups * chunks), 1, most_parts), blocks);
    v_row = ceil_div(chunk, line) * line + line;
    v_point = block * v_row + line;
    q_point = block * width + line;
  }

  int64_t panel_width(int64_t panel) const {
    return out - panel * width <= lanes<T> ? lanes<T> : width;
  }
  int64_t group_begin(int64_t group) const { return panels * group / groups; }
  int64_t most_panels() const { return ceil_div(panels, groups); }
  int64_t chunk_size(int64_t index) const { return std::min(chunk, in - index * chunk); }
  int64_t panel_size() const { return points * chunk * width; }
  T* sums(T* all, int64_t part, int64_t index, int64_t panel) const {
    return all + ((part * chunks + index) * panels + panel) * panel_size();
  }

  static constexpr int64_t width = 2 * lanes<T>;
  /// Values of the longest line of zeros, and of all that a task needs.
  int64_t zeros() const { return std::max(v_row, width); }
  int64_t scratch() const { return points * (v_point + most_panels() * q_point) + zeros(); }

  static constexpr int64_t line = 64 / sizeof(T);
  const Conv2dGeometry& g;
  TileGrid grid;
  int64_t in, out, panels, chunks, chunk, groups, block, blocks, parts, v_row, v_point, q_point;
};

template <class T>
class Task {
 public:
  Task(const Plan<T>& plan, const T* x, const T* dy, T* all, int64_t part, int64_t index,
       int64_t group, T* scratch)
      : plan_(plan),
        all_(all),
        part_(part),
        index_(index),
        panel_begin_(plan.group_begin(group)),
        panel_end_(plan.group_begin(group + 1)),
        x_{x + index * plan.chunk, plan.g.in_h, plan.g.in_w, plan.g.in_channels,
           plan.chunk_size(index)},
        dy_(dy) {
    v_ = scratch;
    q_ = v_ + points * plan.v_point;
    zeros_ = q_ + points * plan.most_panels() * plan.q_point;
    std::fill_n(zeros_, plan.zeros(), T{0});
  }

  void run() {
    for (int64_t panel = panel_begin_; panel < panel_end_; ++panel)
      std::fill_n(plan_.sums(all_, part_, index_, panel), plan_.panel_size(), T{0});
    for (int64_t b = plan_.blocks * part_ / plan_.parts;
         b < plan_.blocks * (part_ + 1) / plan_.parts; ++b)
      add_block(b * plan_.block, std::min((b + 1) * plan_.block, plan_.grid.count));
  }

 private:
  void add_block(int64_t begin, int64_t end) {
    const Conv2dGeometry& g = plan_.g;
    const auto input = [](const auto& d, auto& out) { transform_input<T>(d, out); };
    const auto gradient = [](const auto& d, auto& out) { transform_output_gradient<T>(d, out); };
    for (int64_t tile = begin; tile < end; ++tile) {
      const TileGrid::Place at = plan_.grid.at(tile);
      transform_tile<4>(x_, at.image, at.row - g.pad_top, at.col - g.pad_left, zeros_, input,
                        v_ + (tile - begin) * plan_.v_row, plan_.v_point);
      for (int64_t panel = panel_begin_; panel < panel_end_; ++panel) {
        const int64_t first = panel * Plan<T>::width;
        const TileSource<T> dy{dy_ + first, g.out_h, g.out_w, g.out_channels,
                               std::min(Plan<T>::width, plan_.out - first)};
        transform_tile<2>(dy, at.image, at.row, at.col, zeros_, gradient,
                          q_of(panel) + (tile - begin) * plan_.panel_width(panel), plan_.q_point);
      }
    }
    for (int64_t panel = panel_begin_; panel < panel_end_; ++panel) {
      if (plan_.panel_width(panel) == lanes<T>)
        multiply<1>(panel, end - begin);
      else
        multiply<2>(panel, end - begin);
    }
  }

  T* q_of(int64_t panel) { return q_ + (panel - panel_begin_) * points * plan_.q_point; }

  template <int K>
  void multiply(int64_t panel, int64_t tiles) {
    constexpr int64_t width = K * lanes<T>;
    T* sums = plan_.sums(all_, part_, index_, panel);
    const int64_t rows = x_.channels;
    ReadAhead nothing;  // the transforms read in the order of memory
    for (int point = 0; point < points; ++point, sums += rows * width) {
      const Line all{point * plan_.v_point, point * plan_.q_point};
      add_outer_products<K, T>({.x = v_,
                                .x_step = plan_.v_row,
                                .dy = q_of(panel),
                                .lines = {&all, 1},
                                .pixels = tiles,
                                .total = sums},
                               rows, nothing);
    }
  }

  const Plan<T>& plan_;
  T* all_;
  const int64_t part_, index_, panel_begin_, panel_end_;
  const TileSource<T> x_;
  const T* dy_;
  T *v_, *q_, *zeros_;
};

/// Adds the parts in their order, and turns sums of points into gradients of weights.
template <int K, class T>
void finish(const Plan<T>& plan, T* all, int64_t index, int64_t panel, T* dweight) {
  const hn::ScalableTag<T> d;
  constexpr int64_t width = K * lanes<T>;
  const int64_t channels = plan.chunk_size(index), first = panel * Plan<T>::width;
  const int64_t valid = std::min(width, plan.out - first), step = channels * width;
  const int64_t row = plan.g.weight_row();
  T* sum = plan.sums(all, 0, index, panel);
  for (int64_t part = 1; part < plan.parts; ++part) {
    const T* other = plan.sums(all, part, index, panel);
    for (int64_t i = 0; i < points * step; ++i) sum[i] += other[i];
  }
  constexpr int64_t slice = 16;  // input channels at a time
  alignas(64) T taken[9][slice * width];
  for (int64_t begin = 0; begin < channels; begin += slice) {
    const int64_t count = std::min(slice, channels - begin);
    for (int64_t i = 0; i < count * width; i += lanes<T>) {
      Lane<T> u[4][4], dg[3][3];
      load_points<T>(sum + begin * width + i, step, u);
      transform_weight_gradient<T>(u, dg);
      for (int tap = 0; tap < 9; ++tap) hn::Store(dg[tap / 3][tap % 3], d, taken[tap] + i);
    }
    for (int64_t tap = 0; tap < 9; ++tap)
      transpose(count, valid, taken[tap], width,
                dweight + (first * 9 + tap) * row + index * plan.chunk + begin, 9 * row);
  }
}

template <class T>
void run(const Conv2dGeometry& g, const T* x, const T* dy, T* dweight) {
  if (g.n * g.out_h * g.out_w == 0) {
    for (int64_t i = 0; i < g.out_channels / g.groups * 9; ++i)
      std::fill_n(dweight + i * g.weight_row(), g.in_channels / g.groups, T{0});
    return;
  }
  const Plan<T> plan(g);
  Tensor sums =
      Tensor::empty({plan.parts * plan.chunks * plan.panels * plan.panel_size()}, dtype_of<T>);
  T* all = sums.mutable_data<T>();
  const Scratch<T> scratch(plan.scratch());
  parallel_for(plan.parts * plan.groups * plan.chunks, [&](int64_t i) {
    const int64_t group = i % plan.groups, rest = i / plan.groups;
    Task<T>(plan, x, dy, all, rest / plan.chunks, rest % plan.chunks, group, scratch.mine()).run();
  });
  parallel_for(plan.chunks * plan.panels, [&](int64_t i) {
    const int64_t index = i % plan.chunks, panel = i / plan.chunks;
    if (plan.panel_width(panel) == lanes<T>)
      finish<1>(plan, all, index, panel, dweight);
    else
      finish<2>(plan, all, index, panel, dweight);
  });
}

void run_f32(const Conv2dGeometry& g, const float* x, const float* dy, float* dweight) {
  run<float>(g, x, dy, dweight);
}
void run_f64(const Conv2dGeometry& g, const double* x, const double* dy, double* dweight) {
  run<double>(g, x, dy, dweight);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {

HWY_EXPORT(run_f32);
HWY_EXPORT(run_f64);

template <>
void winograd_weight_gradient<float>(const kernels::Conv2dGeometry& g, const float* x,
                                     const float* dy, float* dweight) {
  HWY_DYNAMIC_DISPATCH(run_f32)(g, x, dy, dweight);
}
template <>
void winograd_weight_gradient<double>(const kernels::Conv2dGeometry& g, const double* x,
                                      const double* dy, double* dweight) {
  HWY_DYNAMIC_DISPATCH(run_f64)(g, x, dy, dweight);
}

}  // namespace pixelgrad::cpu
#endif
