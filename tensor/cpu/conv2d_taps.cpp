#include "tensor/cpu/conv2d_taps.h"

#include "tensor/mutant_internal.h"

namespace pixelgrad::cpu {
namespace {

/// Leaves out taps that read nothing but padding: of a 3x3 kernel of dilation 36 on a 32x32 map
/// only the middle is left.
void drop_padding_taps(TapConvolution& c) {
  std::erase_if(c.taps, [&](const Tap& tap) {
    return tap.dy >= c.in_h || tap.dx >= c.in_w || tap.dy + (c.rows - 1) * c.stride_h < 0 ||
           tap.dx + (c.cols - 1) * c.stride_w < 0;
  });
}

/// A single tap that reads the pixel it writes needs no rows: all images become one long row, so
/// that tiles are never cut short by the end of a row.
void flatten_pointwise(TapConvolution& c) {
  const bool pointwise = c.taps.size() == 1 && c.taps[0].dy == 0 && c.taps[0].dx == 0 &&
                         c.stride_h == 1 && c.stride_w == 1 && c.rows == c.in_h && c.cols == c.in_w;
  const bool dense = c.y_row == c.cols * c.y_pixel && c.y_image == c.rows * c.y_row;
  if (!pointwise || !dense) return;
  c.cols *= c.rows * c.images;
  c.in_w = c.cols;
  c.images = c.rows = c.in_h = 1;
}

/// Whether b continues the pixels of a with their neighbours on the right.
bool are_neighbours(const TapConvolution& a, const TapConvolution& b) {
  if (a.taps.size() != 1 || b.taps.size() != 1) return false;
  const Tap &s = a.taps[0], &t = b.taps[0];
  const int64_t channels = b.out_channels;
  return a.rows == b.rows && a.cols == b.cols && s.dy == t.dy && s.dx == t.dx &&
         b.y_offset == a.y_offset + a.out_channels && a.out_channels % channels == 0 &&
         a.y_pixel >= a.out_channels + channels && a.weight_out == 1 &&
         t.weight == s.weight + a.out_channels;
}

}  // namespace

std::vector<TapConvolution> join_neighbours(std::span<const TapConvolution> phases) {
  std::vector<TapConvolution> joined;
  for (const TapConvolution& phase : phases) {
    if (joined.empty() || !are_neighbours(joined.back(), phase)) {
      joined.push_back(phase);
    } else {
      joined.back().out_channels += phase.out_channels;
      ++joined.back().joined;
    }
  }
  return joined;
}

TapConvolution forward_taps(const kernels::Conv2dGeometry& g) {
  const int64_t group_in = g.in_channels / g.groups, taps = g.kernel_h * g.kernel_w;
  TapConvolution c{.images = g.n,
                   .rows = g.out_h,
                   .cols = g.out_w,
                   .in_h = g.in_h,
                   .in_w = g.in_w,
                   .stride_h = g.stride_h,
                   .stride_w = g.stride_w,
                   .in_channels = group_in,
                   .out_channels = g.out_channels / g.groups,
                   .sources = {{group_in, g.in_channels}},
                   .y_offset = 0,
                   .y_image = g.out_h * g.out_w * g.out_channels,
                   .y_row = g.out_w * g.out_channels,
                   .y_pixel = g.out_channels,
                   .weight_in = 1,
                   .weight_out = taps * g.weight_row(),
                   .taps = {}};
  for (int64_t r = 0; r < g.kernel_h; ++r)
    for (int64_t s = 0; s < g.kernel_w; ++s)
      c.taps.push_back({r * g.dilation_h - g.pad_top, s * g.dilation_w - g.pad_left,
                        (r * g.kernel_w + s) * g.weight_row()});
  drop_padding_taps(c);
  flatten_pointwise(c);
  return c;
}

std::vector<TapConvolution> input_gradient_taps(const kernels::Conv2dGeometry& g) {
  const int64_t group_in = g.in_channels / g.groups;
  std::vector<TapConvolution> phases;
  for (int64_t py = 0; py < std::min(g.stride_h, g.in_h); ++py)
    for (int64_t px = 0; px < std::min(g.stride_w, g.in_w); ++px) {
      TapConvolution c{.images = g.n,
                       .rows = (g.in_h - py + g.stride_h - 1) / g.stride_h,
                       .cols = (g.in_w - px + g.stride_w - 1) / g.stride_w,
                       .in_h = g.out_h,
                       .in_w = g.out_w,
                       .stride_h = 1,
                       .stride_w = 1,
                       .in_channels = g.out_channels / g.groups,
                       .out_channels = group_in,
                       .sources = {{g.out_channels / g.groups, g.out_channels}},
                       .y_offset = (py * g.in_w + px) * g.in_channels,
                       .y_image = g.in_h * g.in_w * g.in_channels,
                       .y_row = g.stride_h * g.in_w * g.in_channels,
                       .y_pixel = g.stride_w * g.in_channels,
                       .weight_in = g.kernel_h * g.kernel_w * g.weight_row(),
                       .weight_out = 1,
                       .taps = {}};
      // Tap r of output row oy read input row iy = oy * stride - pad + r * dilation. So row
      // iy = py + i * stride gets from tap r the row oy = i + (py + pad - r * dilation) / stride,
      // if that is whole. Taps run backwards, so that dx increases and neighbours can be fused.
      for (int64_t r = g.kernel_h - 1; r >= 0; --r) {
        const int64_t pad =
            PIXELGRAD_MUTANT(conv2d_input_gradient_padding_off_by_one, g.pad_top, g.pad_top + 1);
        const int64_t step =
            PIXELGRAD_MUTANT(conv2d_input_gradient_without_dilation, g.dilation_h, 1);
        const int64_t dy = py + pad - r * step;
        if (dy % g.stride_h != 0) continue;
        for (int64_t s = g.kernel_w - 1; s >= 0; --s) {
          const int64_t dx = px + g.pad_left - s * g.dilation_w;
          if (dx % g.stride_w != 0) continue;
          const int64_t row =
              PIXELGRAD_MUTANT(conv2d_input_gradient_kernel_flipped, r, g.kernel_h - 1 - r);
          c.taps.push_back(
              {dy / g.stride_h,
               dx / PIXELGRAD_MUTANT(conv2d_input_gradient_without_stride, g.stride_w, 1),
               (row * g.kernel_w + s) * g.weight_row()});
        }
      }
      drop_padding_taps(c);
      flatten_pointwise(c);
      phases.push_back(std::move(c));
    }
  return phases;
}

}  // namespace pixelgrad::cpu
