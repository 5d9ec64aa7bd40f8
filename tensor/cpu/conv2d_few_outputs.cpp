#include "tensor/cpu/conv2d_few_outputs.h"

#include <algorithm>
#include <vector>

#include "tensor/cpu/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_few_outputs.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_tile-inl.h"  // after the target is set

// A pixel with three channels fills three of sixteen lanes. But what its taps multiply a pixel of
// the input with are kernel_h * kernel_w * 3 neighbours in the weights, which fill whole vectors.
// So all these products are made first, a row of the input at a time; then each output pixel
// gathers those that are its own. Of the rows of products only those stay that the next rows will
// read.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

template <class T>
struct Work {
  Work(std::span<const TapConvolution> convolutions, const T* x, const T* weight, const T* bias,
       T* y)
      : phases(convolutions), c(phases[0]), x(x), y(y) {
    for (const TapConvolution& phase : phases) {
      rows = std::max(rows, phase.rows);
      for (const Tap& tap : phase.taps) {
        min_dy = std::min(min_dy, tap.dy);
        max_dy = std::max(max_dy, tap.dy);
      }
    }
    panels = ceil_div(c.weight_in, width);
    pitch = panels * width;
    strip_rows = std::max<int64_t>(32, 8 * (max_dy - min_dy));
    strips = ceil_div(rows, strip_rows);
    if (bias) std::copy_n(bias, c.out_channels, start);
    pack(weight);
  }

  /// [panel][input channel][lane], zeros behind the last product.
  void pack(const T* weight) {
    packed.assign(panels * c.in_channels * width, T{0});
    for (int64_t panel = 0; panel < panels; ++panel)
      for (int64_t ci = 0; ci < c.in_channels; ++ci)
        std::copy_n(weight + ci * c.weight_in + panel * width,
                    std::min(width, c.weight_in - panel * width),
                    packed.data() + (panel * c.in_channels + ci) * width);
  }

  int64_t kept_rows() const { return max_dy - min_dy + 1; }
  /// Values that a task needs: a pixel's last products are read with whatever follows them.
  int64_t scratch() const { return kept_rows() * c.in_w * pitch + most_outputs; }

  static constexpr int64_t width = 2 * lanes<T>;
  static constexpr int64_t most_outputs = 4;
  const std::span<const TapConvolution> phases;
  const TapConvolution& c;  ///< the first: what they have in common
  const T* x;
  T* y;
  int64_t rows = 0, min_dy = 0, max_dy = 0;
  int64_t panels, pitch;  ///< values from one pixel's products to the next
  int64_t strip_rows, strips;
  T start[most_outputs] = {};
  std::vector<T> packed;
};

/// Some rows of one image.
template <class T>
class StripTask {
 public:
  StripTask(const Work<T>& work, int64_t index, T* products)
      : work_(work),
        c_(work.c),
        image_(index / work.strips),
        begin_(index % work.strips * work.strip_rows),
        products_(products) {}

  void run() {
    const int64_t end = std::min(begin_ + work_.strip_rows, work_.rows);
    int64_t made = std::max<int64_t>(0, begin_ + work_.min_dy);
    for (int64_t row = begin_; row < end; ++row) {
      for (; made < std::min(row + work_.max_dy + 1, c_.in_h); ++made) multiply(made);
      for (const TapConvolution& phase : work_.phases)
        if (row < phase.rows) gather(phase, row);
    }
  }

 private:
  T* products(int64_t row) const {
    return products_ + row % work_.kept_rows() * c_.in_w * work_.pitch;
  }

  /// Products of one row of the input with all weights.
  void multiply(int64_t row) {
    constexpr int K = 2;
    const T zeros[K * lanes<T>] = {};
    const Segment channels{.length = c_.in_channels};
    Tile<T> tile{};
    tile.segments = {&channels, 1};
    tile.start = zeros;
    tile.y_step = work_.pitch;
    tile.x_step = c_.sources[0].pixel;
    tile.in_h = tile.in_w = 1;  // a tile's pixels are always there
    const T* x = work_.x + (image_ * c_.in_h + row) * c_.in_w * tile.x_step;
    const int64_t tiles = ceil_div(c_.in_w, max_tile<K>);
    ReadAhead next_row;
    const int64_t row_values = c_.in_w * tile.x_step;
    next_row.add(x + row_values, row_values * int64_t{sizeof(T)});
    next_row.spread(tiles * work_.panels);
    for (int64_t panel = 0; panel < work_.panels; ++panel) {
      tile.panel = work_.packed.data() + panel * c_.in_channels * work_.width;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t from = c_.in_w * t / tiles, to = c_.in_w * (t + 1) / tiles;
        tile.x = x + from * tile.x_step;
        tile.y = products(row) + from * work_.pitch + panel * work_.width;
        run_tile_of<K, T>(to - from, tile, next_row.take(c_.in_channels), c_.in_channels);
      }
    }
  }

  /// The products of one tap for the outputs of a row: those of output `col` begin at
  /// row + (col + dx) * pitch, if col + dx is inside.
  struct Term {
    const T* row;
    int64_t dx;
  };

  void gather(const TapConvolution& phase, int64_t row) {
    terms_.clear();
    int64_t low = 0, high = phase.cols;  // outputs all of whose taps are inside
    for (const Tap& tap : phase.taps) {
      const int64_t iy = row + tap.dy;
      if (iy < 0 || iy >= c_.in_h) continue;
      terms_.push_back({products(iy) + tap.weight, tap.dx});
      low = std::max(low, -tap.dx);
      high = std::min(high, c_.in_w - tap.dx);
    }
    T* y = work_.y + phase.y_offset + image_ * phase.y_image + row * phase.y_row;
    int64_t col = 0;
    for (; col < std::min(low, phase.cols); ++col) gather_pixel(col, y + col * phase.y_pixel);
    for (; col + group <= high; col += group)
      gather_group(col, y + col * phase.y_pixel, phase.y_pixel);
    for (; col < phase.cols; ++col) gather_pixel(col, y + col * phase.y_pixel);
  }

  void gather_pixel(int64_t col, T* y) const {
    for (int64_t channel = 0; channel < c_.out_channels; ++channel) {
      T sum = 0;
      for (const Term& term : terms_) {
        const int64_t ix = col + term.dx;
        if (ix >= 0 && ix < c_.in_w) sum += term.row[ix * work_.pitch + channel];
      }
      y[channel] = work_.start[channel] + sum;
    }
  }

  /// Several pixels, whose sums do not wait for each other.
  void gather_group(int64_t col, T* y, int64_t y_pixel) const {
    const hn::CappedTag<T, Work<T>::most_outputs> d;
    constexpr int64_t part = hn::MaxLanes(d);
    for (int64_t first = 0; first < c_.out_channels; first += part) {
      hn::Vec<decltype(d)> sum[group];
      HWY_UNROLL(8)
      for (int i = 0; i < group; ++i) sum[i] = hn::Zero(d);
      for (const Term& term : terms_) {
        const T* from = term.row + (col + term.dx) * work_.pitch + first;
        HWY_UNROLL(8)
        for (int i = 0; i < group; ++i)
          sum[i] = hn::Add(sum[i], hn::LoadU(d, from + i * work_.pitch));
      }
      const auto start = hn::LoadU(d, work_.start + first);
      HWY_UNROLL(8)
      for (int i = 0; i < group; ++i)
        store_part(d, hn::Add(start, sum[i]), y + i * y_pixel + first,
                   std::min(c_.out_channels - first, part));
    }
  }

  static constexpr int group = 8;
  const Work<T>& work_;
  const TapConvolution& c_;
  const int64_t image_, begin_;
  T* products_;
  std::vector<Term> terms_;
};

template <class T>
void run(std::span<const TapConvolution> convolutions, const T* x, const T* weight, const T* bias,
         T* y) {
  const Work<T> work(convolutions, x, weight, bias, y);
  const Scratch<T> scratch(work.scratch());
  parallel_for(work.c.images * work.strips,
               [&](int64_t i) { StripTask<T>(work, i, scratch.mine()).run(); });
}

void run_f32(std::span<const TapConvolution> convolutions, const float* x, const float* weight,
             const float* bias, float* y) {
  run<float>(convolutions, x, weight, bias, y);
}
void run_f64(std::span<const TapConvolution> convolutions, const double* x, const double* weight,
             const double* bias, double* y) {
  run<double>(convolutions, x, weight, bias, y);
}

}  // namespace
}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::cpu {

HWY_EXPORT(run_f32);
HWY_EXPORT(run_f64);

bool has_few_outputs(std::span<const TapConvolution> convolutions) {
  constexpr int64_t most = 4, fewest_inputs = 8, fewest_pixels = 64;
  const TapConvolution& c = convolutions[0];
  int64_t taps = 0, min_dy = 0, max_dy = 0;
  for (const TapConvolution& phase : convolutions) {
    taps += static_cast<int64_t>(phase.taps.size());
    for (const Tap& tap : phase.taps) {
      min_dy = std::min(min_dy, tap.dy);
      max_dy = std::max(max_dy, tap.dy);
    }
  }
  // The weights of all taps side by side, and rows of products that stay in the second cache.
  const bool dense = c.weight_out == 1 && c.weight_in == taps * c.out_channels;
  const bool near = (max_dy - min_dy + 1) * c.in_w * c.weight_in <= 256 * 1024;
  return c.out_channels <= most && taps > 1 && c.sources.size() == 1 && c.stride_h == 1 &&
         c.stride_w == 1 && c.in_channels >= fewest_inputs && c.in_h * c.in_w >= fewest_pixels &&
         dense && near;
}

template <>
void run_few_outputs<float>(std::span<const TapConvolution> convolutions, const float* x,
                            const float* weight, const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(run_f32)(convolutions, x, weight, bias, y);
}
template <>
void run_few_outputs<double>(std::span<const TapConvolution> convolutions, const double* x,
                             const double* weight, const double* bias, double* y) {
  HWY_DYNAMIC_DISPATCH(run_f64)(convolutions, x, weight, bias, y);
}

}  // namespace pixelgrad::cpu
#endif
