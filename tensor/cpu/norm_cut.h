#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tensor/cpu/norm_tiles.h"
#include "tensor/kernels/norm.h"
#include "tensor/mutant_internal.h"
#include "tensor/parallel.h"

// How norm.cpp and norm_backward.cpp go through x [samples, positions, groups, group_size], always
// cut by shape alone. There are two ways. Where a sample has many positions, a pass runs down them
// with one sum a channel, and channels are put together into groups afterwards. Where it has one
// (layer norm), each group lies in one piece and is done by itself, unless it is a single value.
namespace pixelgrad::kernels {

constexpr int64_t norm_values_a_tile = 1 << 15;
/// Each tile leaves sums for every channel behind, so there must not be too many.
constexpr int64_t norm_most_tiles = 256;

inline bool groups_lie_together(const NormGeometry& g) {
  return g.positions == 1 && g.group_size > 1;
}

/// 1 / sqrt(variance + eps) of every group.
inline std::vector<double> inverse_deviations(const NormGeometry& g, const double* variance,
                                              double eps) {
  std::vector<double> inverse(static_cast<size_t>(g.samples * g.groups));
  for (size_t i = 0; i < inverse.size(); ++i)
    inverse[i] = PIXELGRAD_MUTANT(norm_eps_outside_the_root, 1 / std::sqrt(variance[i] + eps),
                                  1 / (std::sqrt(variance[i]) + eps));
  return inverse;
}

template <class T>
double gamma_of(const T* gamma, int64_t channel) {
  return gamma ? static_cast<double>(gamma[channel]) : 1.0;
}

/// Groups that make a tile, where they lie together.
inline int64_t groups_a_tile(const NormGeometry& g) {
  return std::max({int64_t{1}, norm_values_a_tile / g.group_size,
                   (g.samples * g.groups + norm_most_tiles - 1) / norm_most_tiles});
}

/// Calls f(row, channel, first value) for the groups [begin, end) of [samples, groups], where they
/// lie together.
template <class F>
void for_groups(const NormGeometry& g, int64_t begin, int64_t end, const F& f) {
  for (int64_t row = begin; row < end; ++row)
    f(row, row % g.groups * g.group_size, row * g.group_size);
}

/// How the positions of each sample are cut: rows of `width` values, and tiles of whole rows.
class NormCut {
 public:
  explicit NormCut(const NormGeometry& geometry)
      : g(geometry), channels(g.channels()), group_of_(static_cast<size_t>(channels)) {
    const int64_t least = std::lcm(channels, int64_t{16});
    width = least * ((64 + least - 1) / least);  // short rows cost loop overhead
    const int64_t positions_a_row = width / channels;
    const int64_t rows = (g.positions + positions_a_row - 1) / positions_a_row;
    positions_a_tile_ =
        positions_a_row * std::max({int64_t{1}, norm_values_a_tile / width,
                                    (rows + norm_most_tiles - 1) / norm_most_tiles});
    tiles = (g.positions + positions_a_tile_ - 1) / positions_a_tile_;
    for (int64_t c = 0; c < channels; ++c)
      group_of_[static_cast<size_t>(c)] =
          PIXELGRAD_MUTANT(norm_groups_interleaved, g.group_of(c), c % g.groups);
  }

  /// Positions of a tile.
  int64_t positions_of(int64_t tile) const {
    return std::min(positions_a_tile_, g.positions - tile * positions_a_tile_);
  }

  /// Where the group of a channel stands in [samples, groups].
  size_t group_at(int64_t sample, int64_t channel) const {
    return static_cast<size_t>(sample * g.groups + group_of_[static_cast<size_t>(channel)]);
  }

  /// Numbers of the channels repeated to the width of a row, as type To.
  template <class To, class Value>
  std::vector<To> repeat(const Value& value) const {
    std::vector<To> row(static_cast<size_t>(width));
    for (int64_t c = 0; c < channels; ++c) row[static_cast<size_t>(c)] = static_cast<To>(value(c));
    for (size_t i = static_cast<size_t>(channels); i < row.size(); ++i)
      row[i] = row[i - static_cast<size_t>(channels)];
    return row;
  }

  /// Adds up the pixels of a row: sums [width] -> out [channels].
  void fold(const std::vector<double>& sums, double* out) const {
    for (int64_t c = 0; c < channels; ++c) {
      double all = 0;
      for (int64_t i = c; i < width; i += channels) all += sums[static_cast<size_t>(i)];
      out[c] = all;
    }
  }

  /// Calls f(sample, tile, first value, rows, tail) for every tile of every sample, in parallel.
  template <class F>
  void for_tiles(const F& f) const {
    parallel_for(g.samples * tiles, [&](int64_t task) {
      const int64_t sample = task / tiles, tile = task % tiles;
      const int64_t first = (sample * g.positions + tile * positions_a_tile_) * channels;
      const int64_t n = positions_of(tile) * channels;
      f(sample, tile, first, n / width, n % width);
    });
  }

  /// Where the numbers of a tile stand in [samples, tiles, channels], and how many those are.
  int64_t at(int64_t sample, int64_t tile) const { return (sample * tiles + tile) * channels; }
  size_t size() const { return static_cast<size_t>(g.samples * tiles * channels); }

  /// Calls f(sample, tile, channel, where it stands) for all of them, in order.
  template <class F>
  void for_parts(const F& f) const {
    for (int64_t sample = 0; sample < g.samples; ++sample)
      for (int64_t tile = 0; tile < tiles; ++tile)
        for (int64_t c = 0; c < channels; ++c)
          f(sample, tile, c, static_cast<size_t>(at(sample, tile) + c));
  }

  NormGeometry g;
  int64_t channels, width, tiles;

 private:
  int64_t positions_a_tile_;
  std::vector<int64_t> group_of_;
};

/// The numbers behind a NormRow for one sample. Forward and backward make them here alike; a
/// backward without a ReLU reads no offsets.
template <class T>
class NormTables {
  using Value = compute_t<T>;

 public:
  NormTables(const NormCut& cut, const NormArguments<T>& in, const std::vector<double>& inverse,
             int64_t sample, bool offsets)
      : in_(in) {
    mean_ = cut.repeat<Value>([&](int64_t c) { return in.mean[cut.group_at(sample, c)]; });
    scale_ = cut.repeat<Value>(
        [&](int64_t c) { return gamma_of(in.gamma, c) * inverse[cut.group_at(sample, c)]; });
    if (offsets)
      offset_ = cut.repeat<Value>([&](int64_t c) { return in.beta ? in.beta[c] : Value{0}; });
  }

  /// For the rows that begin with value `first` of x.
  NormRow<T> row(int64_t first) const {
    return {.mean = mean_.data(),
            .scale = scale_.data(),
            .offset = offset_.data(),
            .residual = in_.residual ? in_.residual + first : nullptr,
            .relu = in_.relu};
  }

 private:
  const NormArguments<T>& in_;
  std::vector<Value> mean_, scale_, offset_;
};

}  // namespace pixelgrad::kernels
