#include "tensor/cpu/conv2d_winograd.h"

#include <algorithm>

#include "tensor/cpu/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_winograd.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_tile-inl.h"  // after the target is set
#include "tensor/cpu/conv2d_winograd-inl.h"
#include "tensor/cpu/transpose-inl.h"

// Forward and input gradient by Winograd. A task takes a block of tiles through all three steps, so
// that what lies between them stays in the second cache: inputs to `v`, [point][tile][input
// channel]; products to `m`, [point][tile][output channel], for some panels of output channels at a
// time; outputs to y. A product of matrices is a convolution of one tap over a row of tiles, so the
// register tiles are those of the direct kernel.
//
// An output does not depend on how the tiles are cut into blocks: the cut may follow the caches.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

template <class T>
struct Plan {
  explicit Plan(const TapConvolution& convolution)
      : c(convolution), grid(c.images, c.rows, c.cols) {
    panels = ceil_div(c.out_channels, width);
    // One line more than a whole number of lines keeps rows off each other's sets of the first
    // cache.
    v_row = ceil_div(c.in_channels, line) * line + line;
    constexpr int64_t cache = 768 * 1024 / sizeof(T);  // values of v and of m at most
    block = std::clamp<int64_t>(cache / (points * v_row), 4 * max_tile<2>, 10 * max_tile<2>);
    block = ceil_div(grid.count, ceil_div(grid.count, block));
    v_point = block * v_row + line;
    group = std::clamp<int64_t>(cache / (points * block * width), 1, panels);
    blocks = ceil_div(grid.count, block);
    // Where the image is small, panels are dealt out: each task then transforms the inputs anew.
    parts = std::min(ceil_div(panels, group), ceil_div(8, blocks));
    m_row = group * width;
    m_point = block * m_row + line;
  }

  int64_t panel_width(int64_t panel) const {
    return c.out_channels - panel * width <= lanes<T> ? lanes<T> : width;
  }
  int64_t packed_size() const {
    return points * c.in_channels * ((panels - 1) * width + panel_width(panels - 1));
  }
  int64_t packed_offset(int64_t panel, int64_t point) const {
    return c.in_channels * (points * panel * width + point * panel_width(panel));
  }

  /// Values that a task needs.
  int64_t scratch() const { return points * (v_point + m_point) + v_row; }

  static constexpr int64_t width = 2 * lanes<T>;
  static constexpr int64_t line = 64 / sizeof(T);
  const TapConvolution& c;
  TileGrid grid;
  int64_t panels, group, parts, block, blocks, v_row, v_point, m_row, m_point;
};

/// Input channels whose weights are transformed at a time.
constexpr int64_t slice = 16;

/// Transforms the weights of input channels [begin, end), at most a slice, of one panel.
template <int K, class T>
void pack(const Plan<T>& plan, const WinogradTaps& taps, const T* weight, int64_t panel,
          int64_t begin, int64_t end, T* packed) {
  const hn::ScalableTag<T> d;
  const TapConvolution& c = plan.c;
  constexpr int64_t width = K * lanes<T>;
  const int64_t first = panel * Plan<T>::width, valid = std::min(width, c.out_channels - first);
  alignas(64) T taken[9][slice * width] = {};  // [tap][input channel][output channel]
  for (int tap = 0; tap < 9; ++tap) {
    const T* w =
        weight + taps.weight_begin[tap / 3][tap % 3] + begin * c.weight_in + first * c.weight_out;
    if (c.weight_out == 1) {
      for (int64_t i = 0; i < end - begin; ++i)
        std::copy_n(w + i * c.weight_in, valid, taken[tap] + i * width);
    } else {
      transpose(valid, end - begin, w, c.weight_out, taken[tap], width);  // weight_in is 1
    }
  }
  T* to = packed + plan.packed_offset(panel, 0) + begin * width;
  for (int64_t i = 0; i < (end - begin) * width; i += lanes<T>) {
    Lane<T> g[3][3], u[4][4];
    for (int tap = 0; tap < 9; ++tap) g[tap / 3][tap % 3] = hn::Load(d, taken[tap] + i);
    transform_weight<T>(g, u);
    store_points<T>(u, to + i, c.in_channels * width);
  }
}

/// One task: a block of tiles and some of the panels.
template <class T>
class Task {
 public:
  Task(const Plan<T>& plan, const WinogradTaps& taps, std::span<const T* const> x, const T* packed,
       const T* bias, T* y, T* scratch)
      : plan_(plan), c_(plan.c), taps_(taps), packed_(packed), bias_(bias), y_(y) {
    for (size_t i = 0; i < x.size(); ++i)
      sources_.push_back({x[i], c_.in_h, c_.in_w, c_.sources[i].pixel, c_.sources[i].channels});
    v_ = scratch;
    m_ = v_ + points * plan.v_point;
    zeros_ = m_ + points * plan.m_point;
    std::fill_n(zeros_, plan.v_row, T{0});
  }

  void run(int64_t block, int64_t part) {
    begin_ = block * plan_.block;
    tiles_ = std::min(plan_.block, plan_.grid.count - begin_);
    const auto transform = [](const auto& in, auto& out) { transform_input<T>(in, out); };
    for (int64_t t = 0; t < tiles_; ++t) {
      const TileGrid::Place at = plan_.grid.at(begin_ + t);
      T* to = v_ + t * plan_.v_row;
      for (const TileSource<T>& source : sources_) {  // the next overwrites the zeros behind one
        transform_tile<4>(source, at.image, at.row + taps_.dy, at.col + taps_.dx, zeros_, transform,
                          to, plan_.v_point);
        to += source.channels;
      }
    }
    const int64_t panel_begin = plan_.panels * part / plan_.parts;
    const int64_t panel_end = plan_.panels * (part + 1) / plan_.parts;
    for (int64_t first = panel_begin; first < panel_end; first += plan_.group) {
      const int64_t last = std::min(first + plan_.group, panel_end);
      for (int point = 0; point < points; ++point)
        for (int64_t panel = first; panel < last; ++panel) {
          if (plan_.panel_width(panel) == lanes<T>)
            multiply<1>(point, panel, (panel - first) * Plan<T>::width);
          else
            multiply<2>(point, panel, (panel - first) * Plan<T>::width);
        }
      write(first, last);
    }
  }

 private:
  template <int K>
  void multiply(int point, int64_t panel, int64_t column) {
    const Segment all{.length = c_.in_channels};
    Tile<T> tile{};
    tile.segments = {&all, 1};
    tile.panel = packed_ + plan_.packed_offset(panel, point);
    tile.start = zeros_;
    tile.in_h = tile.in_w = 1;
    tile.x_step = plan_.v_row;
    tile.y_step = plan_.m_row;
    const int64_t count = ceil_div(tiles_, max_tile<K>);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t from = tiles_ * i / count, to = tiles_ * (i + 1) / count;
      tile.x = v_ + point * plan_.v_point + from * plan_.v_row;
      tile.y = m_ + point * plan_.m_point + from * plan_.m_row + column;
      tile_of<K, false, T>(to - from)(tile);
    }
  }

  void write(int64_t first, int64_t last) {
    const hn::ScalableTag<T> d;
    const int64_t co = first * Plan<T>::width;
    const int64_t channels = std::min(last * Plan<T>::width, c_.out_channels) - co;
    for (int64_t t = 0; t < tiles_; ++t) {
      const TileGrid::Place at = plan_.grid.at(begin_ + t);
      const T* m = m_ + t * plan_.m_row;
      T* y =
          y_ + c_.y_offset + at.image * c_.y_image + at.row * c_.y_row + at.col * c_.y_pixel + co;
      const bool right = at.col + 1 < c_.cols, below = at.row + 1 < c_.rows;
      for (int64_t c = 0; c < channels; c += lanes<T>) {
        Lane<T> in[4][4], out[2][2];
        load_points<T>(m + c, plan_.m_point, in);
        transform_output<T>(in, out);
        const Lane<T> bias = hn::LoadU(d, bias_ + co + c);
        const int64_t valid = std::min(lanes<T>, channels - c);
        const auto store = [&](Lane<T> value, T* to) {
          value = hn::Add(value, bias);
          if (valid == lanes<T>) return hn::StoreU(value, d, to);
          alignas(64) T buffer[lanes<T>];
          hn::Store(value, d, buffer);
          std::copy_n(buffer, valid, to);
        };
        store(out[0][0], y + c);
        if (right) store(out[0][1], y + c_.y_pixel + c);
        if (below) store(out[1][0], y + c_.y_row + c);
        if (right && below) store(out[1][1], y + c_.y_row + c_.y_pixel + c);
      }
    }
  }

  const Plan<T>& plan_;
  const TapConvolution& c_;
  const WinogradTaps& taps_;
  std::vector<TileSource<T>> sources_;
  const T* packed_;
  const T* bias_;
  T* y_;
  T *v_, *m_, *zeros_;
  int64_t begin_ = 0, tiles_ = 0;
};

template <class T>
void run(const TapConvolution& c, const WinogradTaps& taps, std::span<const T* const> x,
         const T* weight, const T* bias, T* y) {
  if (c.images * c.rows * c.cols == 0) return;
  const Plan<T> plan(c);
  Tensor packed = Tensor::empty({plan.packed_size()}, dtype_of<T>);
  T* packed_data = packed.mutable_data<T>();
  const int64_t slices = ceil_div(c.in_channels, slice);
  parallel_for(plan.panels * slices, [&](int64_t i) {
    const int64_t panel = i / slices, begin = i % slices * slice;
    const int64_t end = std::min(begin + slice, c.in_channels);
    if (plan.panel_width(panel) == lanes<T>)
      pack<1>(plan, taps, weight, panel, begin, end, packed_data);
    else
      pack<2>(plan, taps, weight, panel, begin, end, packed_data);
  });

  std::vector<T> start(plan.panels * Plan<T>::width, T{0});
  if (bias) std::copy_n(bias, c.out_channels, start.begin());
  const Scratch<T> scratch(plan.scratch());
  parallel_for(plan.blocks * plan.parts, [&](int64_t i) {
    Task<T>(plan, taps, x, packed_data, start.data(), y, scratch.mine())
        .run(i / plan.parts, i % plan.parts);
  });
}

void run_f32(const TapConvolution& c, const WinogradTaps& taps, std::span<const float* const> x,
             const float* weight, const float* bias, float* y) {
  run<float>(c, taps, x, weight, bias, y);
}
void run_f64(const TapConvolution& c, const WinogradTaps& taps, std::span<const double* const> x,
             const double* weight, const double* bias, double* y) {
  run<double>(c, taps, x, weight, bias, y);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {

std::optional<WinogradTaps> winograd_taps(const TapConvolution& c) {
  if (c.taps.size() != 9 || c.stride_h != 1 || c.stride_w != 1) return std::nullopt;
  WinogradTaps found{c.taps[0].dy, c.taps[0].dx, {}};
  for (const Tap& tap : c.taps) {
    found.dy = std::min(found.dy, tap.dy);
    found.dx = std::min(found.dx, tap.dx);
  }
  std::array<std::array<bool, 3>, 3> seen{};
  for (const Tap& tap : c.taps) {
    const int64_t r = tap.dy - found.dy, s = tap.dx - found.dx;
    if (r > 2 || s > 2 || seen[r][s]) return std::nullopt;
    seen[r][s] = true;
    found.weight_begin[r][s] = tap.weight;
  }
  return found;
}

HWY_EXPORT(run_f32);
HWY_EXPORT(run_f64);

template <>
void run_winograd<float>(const TapConvolution& c, const WinogradTaps& taps,
                         std::span<const float* const> x, const float* weight, const float* bias,
                         float* y) {
  HWY_DYNAMIC_DISPATCH(run_f32)(c, taps, x, weight, bias, y);
}
template <>
void run_winograd<double>(const TapConvolution& c, const WinogradTaps& taps,
                          std::span<const double* const> x, const double* weight,
                          const double* bias, double* y) {
  HWY_DYNAMIC_DISPATCH(run_f64)(c, taps, x, weight, bias, y);
}

}  // namespace pixelgrad::cpu
#endif
