// How a tap convolution is laid out in memory and cut into tasks. Included once per SIMD target.
#if defined(PIXELGRAD_TENSOR_CPU_CONV2D_TAP_PLAN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_CPU_CONV2D_TAP_PLAN_INL_H_
#undef PIXELGRAD_TENSOR_CPU_CONV2D_TAP_PLAN_INL_H_
#else
#define PIXELGRAD_TENSOR_CPU_CONV2D_TAP_PLAN_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "tensor/cpu/cache.h"
#include "tensor/cpu/conv2d_taps.h"
#include "tensor/cpu/conv2d_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::cpu::HWY_NAMESPACE {

/// Some rows of the grid of one image, or of a piece of its columns, and the part of the input that
/// their tiles read. Its columns may lie outside the image: there it is 0.
struct Section {
  int64_t image = 0, row_begin = 0, row_end = 0, col_begin = 0, col_end = 0;
  int64_t in_row_begin = 0, in_row_end = 0, in_col_begin = 0, in_col_end = 0;
  int64_t line = 0;    ///< among the pieces of columns of all images
  int64_t packed = 0;  ///< where its input begins among packed pixels
};

/// Columns of the grid, cut into tiles.
struct Span {
  int64_t begin, end;
};

/// Some input channels, all of one source.
struct Block {
  size_t source;
  int64_t source_begin;   ///< its first channel in the source
  int64_t begin, length;  ///< in all input channels
};

/// The layout of one convolution for this target. Output channels are cut into panels of two
/// vectors, input channels into blocks, the grid into units: rows, or pieces of long ones. The last
/// panel has three vectors where the channels fill an odd number of them, so that a few channels
/// more do not cost another pass over the input; one where there is no other panel.
template <class T>
struct Plan {
  explicit Plan(const TapConvolution& convolution) : c(convolution) {
    taps = static_cast<int64_t>(c.taps.size());
    const int64_t vectors = ceil_div(c.out_channels, lanes<T>);
    panels = std::max<int64_t>(1, vectors / 2);
    last_width = (vectors - 2 * (panels - 1)) * lanes<T>;
    for (size_t t = 0; t < c.taps.size(); ++t) {
      const Tap& tap = c.taps[t];
      min_dx = t ? std::min(min_dx, tap.dx) : tap.dx;
      max_dx = t ? std::max(max_dx, tap.dx) : tap.dx;
      min_dy = t ? std::min(min_dy, tap.dy) : tap.dy;
      max_dy = t ? std::max(max_dy, tap.dy) : tap.dy;
    }
    in_place = taps == 1 && min_dx == 0 && min_dy == 0 && (c.rows - 1) * c.stride_h < c.in_h &&
               (c.cols - 1) * c.stride_w < c.in_w;
    pieces = ceil_div(c.cols, (taps == 1 ? 4 : 24) * max_tile<2>);
    const int64_t window = (ceil_div(c.cols, pieces) - 1) * c.stride_w + max_dx - min_dx + 1;
    pitch = std::min(window, c.in_w + 2 * most_padding());
    cut_where_taps_end();
    cut_channels();
    for (const Block& block : blocks) segments.push_back(block_segments(block.length));
  }

  int64_t panel_width(int64_t panel) const { return panel < panels - 1 ? width : last_width; }
  /// Channels of all panels, those behind the last that there is included.
  int64_t padded_channels() const { return (panels - 1) * width + last_width; }
  int64_t longest_block() const {
    int64_t most = 0;
    for (const Block& block : blocks) most = std::max(most, block.length);
    return most;
  }
  /// Values of all packed weights, and of the longest block of one panel.
  int64_t weights_size() const { return padded_channels() * taps * c.in_channels; }
  int64_t panel_size() const { return std::max(width, last_width) * taps * longest_block(); }
  /// Where the packed weights of a panel and block begin.
  int64_t weights_offset(int64_t panel, const Block& block) const {
    return taps * (panel * width * c.in_channels + panel_width(panel) * block.begin);
  }
  int64_t units() const { return pieces * c.images * c.rows; }
  double flops() const {
    return 2.0 * c.images * c.rows * c.cols * taps * c.in_channels * c.out_channels;
  }
  /// Rows of the input that `rows` rows of the grid read at most.
  int64_t input_rows(int64_t rows) const {
    return std::min((rows - 1) * c.stride_h + max_dy - min_dy + 1, c.in_h);
  }

  /// Pixels of packed input that a section reads.
  int64_t packed_pixels(const Section& s) const {
    return in_place ? 0 : (s.in_row_end - s.in_row_begin) * pitch;
  }
  /// Pieces of columns of all images, and their pixels when all rows of them are packed.
  int64_t input_lines() const { return pieces * c.images; }
  int64_t input_pixels() const { return input_lines() * c.in_h * pitch; }

  /// What of a section's columns tiles may not cross.
  std::vector<Span> spans_of(const Section& s) const {
    return spans.empty() ? std::vector<Span>{{s.col_begin, s.col_end}} : spans;
  }

  /// The units [begin, end), which are counted row by row, image by image and piece by piece.
  std::vector<Section> sections(int64_t begin, int64_t end) const {
    std::vector<Section> found;
    while (begin < end) {
      const int64_t line = begin / c.rows, row = begin % c.rows;
      const int64_t piece = line / c.images;
      Section s;
      s.line = line;
      s.image = line % c.images;
      s.row_begin = row;
      s.row_end = row + std::min(c.rows - row, end - begin);
      s.col_begin = c.cols * piece / pieces;
      s.col_end = c.cols * (piece + 1) / pieces;
      s.in_row_begin = std::clamp<int64_t>(s.row_begin * c.stride_h + min_dy, 0, c.in_h);
      s.in_row_end =
          std::clamp<int64_t>((s.row_end - 1) * c.stride_h + max_dy + 1, s.in_row_begin, c.in_h);
      s.in_col_begin = std::max(s.col_begin * c.stride_w + min_dx, -most_padding());
      s.in_col_end = std::min((s.col_end - 1) * c.stride_w + max_dx + 1, c.in_w + most_padding());
      found.push_back(s);
      begin += s.row_end - s.row_begin;
    }
    return found;
  }

  static constexpr int64_t width = 2 * lanes<T>;  ///< of a panel but the last
  const TapConvolution& c;
  int64_t taps, panels, last_width, pieces;
  std::vector<Block> blocks;
  std::vector<std::vector<Segment>> segments;  ///< of each block
  int64_t min_dx = 0, max_dx = 0, min_dy = 0, max_dy = 0;
  bool in_place;            ///< tiles read x itself, not a packed copy of the block's channels
  int64_t pitch;            ///< pixels from one row of packed x to the next
  std::vector<Span> spans;  ///< of a row, where its tiles are cut at the edges of taps

 private:
  /// A tile is skipped where all its pixels lie outside the image, so it never reads further out,
  /// and not at all where tiles end with the taps.
  int64_t most_padding() const { return spans.empty() ? (max_tile<1> - 1) * c.stride_w : 0; }

  /// A dilated kernel's taps leave the image many pixels before the row ends. Where tiles end
  /// there, too, x needs no zeros beside it, which would be a quarter of it or more.
  void cut_where_taps_end() {
    if (in_place || pieces > 1 || c.stride_w > 1 || 4 * pitch < 5 * c.in_w) return;
    std::set<int64_t> edges{0, c.cols};
    for (const Tap& tap : c.taps) {
      edges.insert(std::clamp<int64_t>(-tap.dx, 0, c.cols));
      edges.insert(std::clamp<int64_t>(c.in_w - tap.dx, 0, c.cols));
    }
    std::vector<Span> found;
    int64_t tiles = 0;
    for (auto end = std::next(edges.begin()); end != edges.end(); ++end) {
      found.push_back({*std::prev(end), *end});
      tiles += ceil_div(found.back().end - found.back().begin, max_tile<2>);
    }
    if (c.cols < shortest_tiles * tiles) return;
    spans = std::move(found);
    pitch = c.in_w;
  }
  /// Pixels, on average: for fewer the weights would be read too often.
  static constexpr int64_t shortest_tiles = max_tile<2> * 4 / 7;

  void cut_channels() {
    // Longer blocks load and store the sums less often. A panel of 768 rows, 48 KiB of vectors of
    // 32 bytes, streams from the second cache without stalls, as a tile multiplies for some hundred
    // cycles for each KiB.
    const int64_t fit = 768 / std::max<int64_t>(1, taps);
    // Where one or two panels are all there is, a tile of a 1x1 kernel takes the channels of a
    // pixel at once, and x is read once, in the order of memory.
    const int64_t largest = std::clamp<int64_t>(fit, 16, taps == 1 && panels <= 2 ? fit : 256);
    int64_t first = 0;
    for (size_t i = 0; i < c.sources.size(); ++i) {
      const int64_t channels = c.sources[i].channels, count = ceil_div(channels, largest);
      for (int64_t b = 0; b < count; ++b) {
        const int64_t begin = b * channels / count, end = (b + 1) * channels / count;
        blocks.push_back({i, begin, first + begin, end - begin});
      }
      first += channels;
    }
  }

  std::vector<Segment> block_segments(int64_t length) const {
    std::vector<Segment> found;
    for (int64_t t = 0; t < taps; ++t) {
      const Tap& tap = c.taps[t];
      // Taps that are neighbours in a row read one piece of packed x.
      if (spans.empty() && !found.empty() && found.back().dy == tap.dy &&
          found.back().last_dx + 1 == tap.dx) {
        found.back().last_dx = tap.dx;
        found.back().length += length;
      } else {
        found.push_back({.dy = tap.dy,
                         .dx = tap.dx,
                         .last_dx = tap.dx,
                         .x = in_place ? 0 : (tap.dy * pitch + tap.dx) * length,
                         .weight = t * length,
                         .length = length});
      }
    }
    return found;
  }
};

/// How one convolution is cut: strips of its units times groups of its panels.
struct Cut {
  int64_t strip = 0, strips = 0, groups = 0;
};

/// The cut into at least `tasks` tasks (where there are so many) that moves the fewest bytes to and
/// from the second cache: each strip reads all weights, each group of panels all input, and
/// what a task touches again and again should fit the cache.
template <class T>
Cut least_traffic(const Plan<T>& plan, int64_t tasks) {
  const TapConvolution& c = plan.c;
  const auto bytes = [](int64_t values) { return static_cast<double>(values) * sizeof(T); };
  const int64_t units = plan.units();
  const int64_t pixels = c.cols / plan.pieces, in_row = plan.in_place ? pixels : plan.pitch;
  const double cache = 0.6 * static_cast<double>(second_cache_bytes());
  Cut best;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t strips = 1;; strips += 1 + strips / 4) {
    Cut cut;
    cut.strip = ceil_div(units, strips);
    cut.strips = ceil_div(units, cut.strip);
    cut.groups = std::min(plan.panels, ceil_div(tasks, cut.strips));
    const int64_t in_rows =
        plan.in_place ? cut.strip
                      : plan.input_rows(std::min(cut.strip, c.rows)) * ceil_div(cut.strip, c.rows);
    const double input = bytes(in_rows * in_row * c.in_channels);
    const double output = bytes(cut.strip * pixels * c.out_channels);
    // Sums wait for the next block.
    const auto blocks = static_cast<double>(plan.blocks.size());
    const double waiting = blocks > 1 ? output / cut.groups : 0;
    const double working = input / blocks + waiting + bytes(plan.panel_size());
    double strip_traffic = bytes(plan.weights_size()) + cut.groups * input;
    if (working > cache)
      strip_traffic += plan.panels * input + (blocks > 1 ? 2 * blocks * output : 0);
    // What one task packs stays in its cache; what several read is packed in memory, once.
    const double packing = plan.in_place     ? 0
                           : cut.groups == 1 ? cut.strips * input
                                             : 3 * bytes(plan.input_pixels() * c.in_channels);
    const double traffic = cut.strips * strip_traffic + packing;
    const bool enough = cut.strips * cut.groups >= tasks;
    if ((enough || cut.strip == 1) && traffic < least) {
      least = traffic;
      best = cut;
    }
    if (cut.strip == 1) return best;
  }
}

/// One task: a strip and panels of output channels of one convolution.
struct TapTask {
  size_t convolution;
  int64_t strip, panel_begin, panel_end;
};

template <class T>
std::vector<TapTask> tap_tasks(const std::vector<Plan<T>>& plans, const std::vector<Cut>& cuts) {
  int64_t most = 0;
  for (const Cut& cut : cuts) most = std::max(most, cut.strips);
  std::vector<TapTask> tasks;
  for (int64_t s = 0; s < most; ++s)  // the phases of one strip share its input: side by side
    for (size_t i = 0; i < plans.size(); ++i) {
      const Cut& cut = cuts[i];
      if (s >= cut.strips) continue;
      for (int64_t group = 0; group < cut.groups; ++group)
        tasks.push_back({i, s, plans[i].panels * group / cut.groups,
                         plans[i].panels * (group + 1) / cut.groups});
    }
  return tasks;
}

}  // namespace pixelgrad::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
