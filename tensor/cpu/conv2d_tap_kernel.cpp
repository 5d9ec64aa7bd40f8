#include "tensor/cpu/conv2d_taps.h"

#include <algorithm>

#include "tensor/cpu/read_ahead.h"
#include "tensor/cpu/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/conv2d_tap_kernel.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_tap_plan-inl.h"  // after the target is set
#include "tensor/cpu/transpose-inl.h"

// The tap convolution. A task takes a strip of pixels and some panels of output channels through
// all blocks of input channels. Of a block,
// - the strip's input is packed into [row][column][channel], with zeros beside the image, so that a
//   tile's pixels lie at one distance, near each other, and need no test: by the task, or, where
//   several tasks read one strip, before they begin;
// - the weights of a panel are packed into [tap][input channel][lane], with zeros in the lanes
//   behind the last channel: all of them before the tasks begin, or, where a task is the only one
//   that reads them, by the task, into a buffer that stays in its cache.
// Panel after panel, tiles of pixels then pass over both.

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {
namespace {

/// Packs the weights of one panel and block.
template <class T>
void pack_weights(const Plan<T>& plan, const T* weight, int64_t panel, const Block& block,
                  T* packed) {
  const TapConvolution& c = plan.c;
  const int64_t width = plan.panel_width(panel), first = panel * Plan<T>::width;
  const int64_t valid = std::min(width, c.out_channels - first);
  const int64_t length = block.length;
  for (const Tap& tap : c.taps) {
    const T* w = weight + tap.weight + block.begin * c.weight_in + first * c.weight_out;
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

/// Packs the channels of one block of the rows [begin, end) of the input that a section reads some
/// of: one after the other, of plan.pitch pixels each.
template <class T>
void pack_rows(const Plan<T>& plan, const Section& s, int64_t begin, int64_t end,
               std::span<const T* const> x, const Block& block, T* packed) {
  const TapConvolution& c = plan.c;
  const int64_t length = block.length, pixel = c.sources[block.source].pixel;
  const int64_t columns = s.in_col_end - s.in_col_begin;
  const int64_t low = std::clamp<int64_t>(-s.in_col_begin, 0, columns);
  const int64_t high = std::clamp<int64_t>(c.in_w - s.in_col_begin, low, columns);
  for (int64_t iy = begin; iy < end; ++iy, packed += plan.pitch * length) {
    std::fill_n(packed, low * length, T{0});
    const T* from = x[block.source] + block.source_begin +
                    ((s.image * c.in_h + iy) * c.in_w + s.in_col_begin + low) * pixel;
    if (length == pixel) {
      std::copy_n(from, (high - low) * length, packed + low * length);
    } else {
      for (int64_t col = low; col < high; ++col, from += pixel)
        std::copy_n(from, length, packed + col * length);
    }
    std::fill_n(packed + high * length, (columns - high) * length, T{0});
  }
}

/// A convolution, its operands, and what of them is packed before the tasks begin.
template <class T>
struct Work {
  Work(const Plan<T>& plan, const Cut& cut, std::span<const T* const> x, const T* weight,
       const T* bias, T* y)
      : plan(plan), cut(cut), x(x), weight(weight), bias(bias), y(y) {
    const bool pack_once = cut.groups > 1 && !plan.in_place;
    for (int64_t i = 0; i < cut.strips; ++i) {
      const int64_t begin = i * cut.strip, end = std::min(begin + cut.strip, plan.units());
      Strip& strip = strips.emplace_back(Strip{plan.sections(begin, end), 0});
      for (Section& s : strip.sections) {
        s.packed = pack_once ? (s.line * plan.c.in_h + s.in_row_begin) * plan.pitch : strip.pixels;
        strip.pixels += plan.packed_pixels(s);
      }
    }
    if (cut.strips > 1) pack_all_weights();
    if (pack_once) pack_all_inputs();
  }

  struct Strip {
    std::vector<Section> sections;
    int64_t pixels;  ///< of packed input
  };
  /// Where the packed input of a block begins, of which all strips read a part.
  int64_t input_offset(const Block& block) const { return plan.input_pixels() * block.begin; }

  /// Values that a task needs for what it packs itself.
  int64_t weights_scratch() const { return packed_weights.defined() ? 0 : plan.panel_size(); }
  int64_t scratch() const {
    if (packed_input.defined() || plan.in_place) return weights_scratch();
    int64_t most = 0;
    for (const Strip& strip : strips) most = std::max(most, strip.pixels);
    return weights_scratch() + most * plan.longest_block();
  }

  const Plan<T>& plan;
  const Cut cut;
  const std::span<const T* const> x;  ///< of each source
  const T* weight;
  const T* bias;  ///< for all channels of all panels
  T* y;
  std::vector<Strip> strips;
  Tensor packed_weights, packed_input;  ///< undefined: each task packs its own

 private:
  void pack_all_weights() {
    packed_weights = Tensor::empty({plan.weights_size()}, dtype_of<T>);
    T* to = packed_weights.template mutable_data<T>();
    const auto blocks = static_cast<int64_t>(plan.blocks.size());
    const int64_t count = plan.panels * blocks;
    const int64_t grain = 1 + 32768 * count / std::max<int64_t>(1, plan.weights_size());
    parallel_range(count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t panel = i / blocks;
        const Block& block = plan.blocks[i % blocks];
        pack_weights(plan, weight, panel, block, to + plan.weights_offset(panel, block));
      }
    });
  }

  void pack_all_inputs() {
    packed_input = Tensor::empty({plan.input_pixels() * plan.c.in_channels}, dtype_of<T>);
    T* to = packed_input.template mutable_data<T>();
    const int64_t in_h = plan.c.in_h, row = plan.pitch * plan.c.in_channels;
    parallel_range(plan.input_lines() * in_h, 1 + 16384 / row, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Section s = plan.sections(i / in_h * plan.c.rows, i / in_h * plan.c.rows + 1)[0];
        const int64_t iy = i % in_h;
        for (const Block& block : plan.blocks)
          pack_rows(plan, s, iy, iy + 1, x, block,
                    to + input_offset(block) + i * plan.pitch * block.length);
      }
    });
  }
};

/// A strip and some panels of output channels.
template <class T>
class StripTask {
 public:
  /// `next` is the strip whose input the thread is likely to read after this task.
  StripTask(const Work<T>& work, const TapTask& task, const typename Work<T>::Strip* next,
            T* scratch)
      : work_(work),
        plan_(work.plan),
        c_(plan_.c),
        strip_(work.strips[task.strip]),
        next_(next),
        task_(task) {
    weights_ = scratch;
    input_ = scratch + work.weights_scratch();
  }

  void run() {
    for (size_t b = 0; b < plan_.blocks.size(); ++b) {
      const Block& block = plan_.blocks[b];
      pixel_ = plan_.in_place ? c_.sources[block.source].pixel : block.length;
      tile_.segments = plan_.segments[b];
      if (plan_.in_place) {
        x_ = work_.x[block.source] + block.source_begin;
      } else if (work_.packed_input.defined()) {
        x_ = work_.packed_input.template data<T>() + work_.input_offset(block);
      } else {
        for (const Section& s : strip_.sections)
          pack_rows(plan_, s, s.in_row_begin, s.in_row_end, work_.x, block,
                    input_ + s.packed * block.length);
        x_ = input_;
      }
      plan_reading(b);
      for (int64_t panel = task_.panel_begin; panel < task_.panel_end; ++panel) {
        switch (plan_.panel_width(panel) / lanes<T>) {
          case 1:
            run_panel<1>(panel, block);
            break;
          case 2:
            run_panel<2>(panel, block);
            break;
          default:
            run_panel<3>(panel, block);
        }
      }
    }
  }

 private:
  /// Has the tiles of block b ask for the input of the next block, or of the next strip; or, where
  /// the strip lies in memory as it is read, for what they will come to themselves.
  void plan_reading(size_t b) {
    read_ahead_.clear();
    if (work_.packed_input.defined()) return;
    int64_t tiles = 0;
    for (const Section& s : strip_.sections)
      for (const Span& span : plan_.spans_of(s))
        tiles += (s.row_end - s.row_begin) * ceil_div(span.end - span.begin, max_tile<2>);
    const Block& now = plan_.blocks[b];
    if (plan_.in_place && now.length == c_.sources[now.source].pixel) {
      add_pixels(strip_, now, distance);
      read_ahead_.spread(tiles);
      return;
    }
    const bool last = b + 1 == plan_.blocks.size();
    const Block& block = plan_.blocks[last ? 0 : b + 1];
    const typename Work<T>::Strip* strip = last ? next_ : &strip_;
    if (!strip) return;
    if (plan_.in_place)
      add_pixels(*strip, block, 0);
    else
      add_rows(*strip, block);
    read_ahead_.spread(tiles * (task_.panel_end - task_.panel_begin));
  }

  static int64_t bytes(int64_t values) { return values * int64_t{sizeof(T)}; }
  const T* input(const Block& block, int64_t image, int64_t iy, int64_t ix) const {
    return work_.x[block.source] + block.source_begin +
           ((image * c_.in_h + iy) * c_.in_w + ix) * c_.sources[block.source].pixel;
  }

  /// All that is packed.
  void add_rows(const typename Work<T>::Strip& strip, const Block& block) {
    const int64_t pixel = c_.sources[block.source].pixel;
    for (const Section& s : strip.sections) {
      const int64_t begin = std::max<int64_t>(s.in_col_begin, 0);
      const int64_t columns = std::min(s.in_col_end, c_.in_w) - begin;
      for (int64_t iy = s.in_row_begin; iy < s.in_row_end; ++iy) {
        const T* row = input(block, s.image, iy, begin);
        if (pixel == block.length)
          read_ahead_.add(row, bytes(columns * pixel));
        else
          read_ahead_.add(row, bytes(block.length), bytes(pixel), columns);
      }
    }
  }

  /// What the only tap reads, `later` bytes behind it.
  void add_pixels(const typename Work<T>::Strip& strip, const Block& block, int64_t later) {
    const int64_t step = c_.stride_w * c_.sources[block.source].pixel;
    for (const Section& s : strip.sections)
      for (int64_t row = s.row_begin; row < s.row_end; ++row) {
        const T* first = input(block, s.image, row * c_.stride_h, s.col_begin * c_.stride_w);
        const char* from = reinterpret_cast<const char*>(first) + later;
        const int64_t columns = s.col_end - s.col_begin;
        if (step == block.length)
          read_ahead_.add(from, bytes(columns * step));
        else
          read_ahead_.add(from, bytes(block.length), bytes(step), columns);
      }
  }

  template <int K>
  void run_panel(int64_t panel, const Block& block) {
    if (work_.packed_weights.defined()) {
      tile_.panel = work_.packed_weights.template data<T>() + plan_.weights_offset(panel, block);
    } else {
      pack_weights(plan_, work_.weight, panel, block, weights_);
      tile_.panel = weights_;
    }
    tile_.in_h = c_.in_h;
    tile_.in_w = c_.in_w;
    const int64_t channel = panel * Plan<T>::width;
    tile_.x_step = c_.stride_w * pixel_;
    for (const Section& s : strip_.sections) {
      const std::vector<Span> spans = plan_.spans_of(s);
      const T* packed = x_ + s.packed * pixel_;
      for (int64_t row = s.row_begin; row < s.row_end; ++row) {
        const int64_t iy = row * c_.stride_h, ix = s.col_begin * c_.stride_w;
        const T* x =  // what the section's first column reads for dy = dx = 0
            plan_.in_place
                ? x_ + ((s.image * c_.in_h + iy) * c_.in_w + ix) * pixel_
                : packed + ((iy - s.in_row_begin) * plan_.pitch + ix - s.in_col_begin) * pixel_;
        T* y = work_.y + c_.y_offset + s.image * c_.y_image + row * c_.y_row + channel;
        tile_.iy = iy;
        for (const Span& span : spans) {
          const int64_t columns = span.end - span.begin, tiles = ceil_div(columns, max_tile<K>);
          for (int64_t t = 0; t < tiles; ++t) {
            const int64_t from = span.begin + columns * t / tiles;
            const int64_t to = span.begin + columns * (t + 1) / tiles;
            tile_.x = x + (from - s.col_begin) * tile_.x_step;
            tile_.first_ix = from * c_.stride_w;
            tile_.last_ix = (to - 1) * c_.stride_w;
            finish<K>(block, channel, to - from, y + from * c_.y_pixel);
          }
        }
      }
    }
  }

  /// Runs the tile, which writes its pixels to y.
  template <int K>
  void finish(const Block& block, int64_t channel, int64_t pixels, T* y) {
    tile_.start = block.begin == 0 ? work_.bias + channel : y;
    tile_.start_step = block.begin == 0 ? 0 : c_.y_pixel;
    tile_.y = y;
    tile_.y_step = c_.y_pixel;
    tile_.last_lanes = std::min(c_.out_channels - channel - (K - 1) * lanes<T>, lanes<T>);
    const int64_t rows = plan_.taps * block.length;
    run_tile_of<K, T>(pixels, tile_, read_ahead_.take(rows), rows);
  }

  /// So far ahead that memory answers in time, and near enough that little is read in vain.
  static constexpr int64_t distance = 16 * 1024;

  const Work<T>& work_;
  const Plan<T>& plan_;
  const TapConvolution& c_;
  const typename Work<T>::Strip& strip_;
  const typename Work<T>::Strip* next_;
  const TapTask& task_;
  ReadAhead read_ahead_;
  T *weights_, *input_;
  const T* x_ = nullptr;  ///< the block: in place or packed
  int64_t pixel_ = 0;     ///< values from one of its pixels to the next
  Tile<T> tile_{};
};

template <class T>
void run(std::span<const TapConvolution> convolutions, std::span<const T* const> x, const T* weight,
         const T* bias, T* y) {
  std::vector<Plan<T>> plans;
  double flops = 0;
  for (const TapConvolution& c : convolutions)
    if (c.images * c.rows * c.cols > 0) flops += plans.emplace_back(c).flops();
  if (plans.empty()) return;
  int64_t channels = 0;
  for (const Plan<T>& plan : plans) channels = std::max(channels, plan.padded_channels());
  std::vector<T> start(channels, T{0});
  const int64_t pixel = plans[0].c.out_channels / plans[0].c.joined;  // equal for all
  for (int64_t i = 0; bias && i < channels; ++i) start[i] = bias[i % pixel];

  // Enough tasks for many cores, but none of less than some 20 microseconds.
  const auto jobs = static_cast<int64_t>(plans.size());
  const auto affordable = static_cast<int64_t>(flops / 2e6);
  const int64_t wanted = ceil_div(std::clamp<int64_t>(affordable, 1, 32), jobs);
  std::vector<Work<T>> works;
  works.reserve(plans.size());
  for (const Plan<T>& plan : plans)
    works.emplace_back(plan, least_traffic(plan, wanted), x, weight, start.data(), y);
  std::vector<Cut> cuts;
  int64_t most = 0;
  for (const Work<T>& work : works) {
    cuts.push_back(work.cut);
    most = std::max(most, work.scratch());
  }
  const Scratch<T> scratch(most);
  const std::vector<TapTask> tasks = tap_tasks(plans, cuts);
  const int64_t count = static_cast<int64_t>(tasks.size()), threads = num_threads();
  parallel_for(count, [&](int64_t i) {
    const Work<T>& work = works[tasks[i].convolution];
    const bool more = i + threads < count && tasks[i + threads].convolution == tasks[i].convolution;
    const auto* next = more ? &work.strips[tasks[i + threads].strip] : nullptr;
    StripTask<T>(work, tasks[i], next, scratch.mine()).run();
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
