#include "tensor/kernels/norm.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "tensor/cpu/norm_cut.h"
#include "tensor/cpu/norm_tiles.h"

namespace pixelgrad::kernels {
namespace {

/// Number, mean and squared deviations of values, as they are put together from parts.
struct Moments {
  double count = 0, mean = 0, square = 0;

  /// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
  /// variances" (1979).
  void add(double more_count, double more_mean, double more_square) {
    const double all = count + more_count, delta = more_mean - mean;
    mean += delta * (more_count / all);
    square += more_square + PIXELGRAD_MUTANT(norm_parts_merged_without_their_distance,
                                             delta * delta * count * (more_count / all), 0.0);
    count = all;
  }
};

}  // namespace

template <Device D, class T>
void norm_statistics(const NormGeometry& g, const T* x, double* mean, double* variance) {
  if constexpr (!std::is_same_v<T, bf16>)
    if (groups_lie_together(g)) {
      const auto moments = norm_group_tiles<T>().moments;
      parallel_range(g.samples * g.groups, groups_a_tile(g), [&](int64_t begin, int64_t end) {
        for_groups(g, begin, end, [&](int64_t row, int64_t, int64_t at) {
          moments(g.group_size, x + at, mean + row, variance + row);
        });
      });
      return;
    }
  const NormCut cut(g);
  const auto moments = norm_tiles<T>().moments;
  // Each tile's own first pixel is what its values are taken relative to, so that a large mean does
  // not cancel digits.
  std::vector<double> tile_mean(cut.size()), tile_square(cut.size());
  cut.for_tiles([&](int64_t sample, int64_t tile, int64_t first, int64_t rows, int64_t tail) {
    const auto shift = cut.repeat<double>([&](int64_t c) { return x[first + c]; });
    std::vector<double> sum(shift.size()), square(shift.size());
    moments(rows, cut.width, tail, x + first, shift.data(), sum.data(), square.data());
    double* m = tile_mean.data() + cut.at(sample, tile);
    double* s = tile_square.data() + cut.at(sample, tile);
    cut.fold(sum, m);
    cut.fold(square, s);
    const double n = static_cast<double>(cut.positions_of(tile));
    for (int64_t c = 0; c < cut.channels; ++c) {
      s[c] = std::max(s[c] - m[c] * m[c] / n, 0.0);  // in this order a NaN stays
      m[c] = shift[static_cast<size_t>(c)] + m[c] / n;
    }
  });
  std::vector<Moments> all(static_cast<size_t>(g.samples * g.groups));
  cut.for_parts([&](int64_t sample, int64_t tile, int64_t c, size_t at) {
    all[cut.group_at(sample, c)].add(static_cast<double>(cut.positions_of(tile)), tile_mean[at],
                                     tile_square[at]);
  });
  for (size_t i = 0; i < all.size(); ++i) {
    mean[i] = all[i].mean;
    variance[i] = all[i].square / PIXELGRAD_MUTANT(norm_by_the_unbiased_variance, all[i].count,
                                                   std::max(1.0, all[i].count - 1));
  }
}

template <Device D, class T>
void norm_apply(const NormArguments<T>& in, T* y) {
  const NormGeometry& g = in.g;
  const auto inverse = inverse_deviations(g, in.variance, in.eps);
  if constexpr (!std::is_same_v<T, bf16>)
    if (groups_lie_together(g)) {
      const auto normalize = norm_group_tiles<T>().normalize;
      parallel_range(g.samples * g.groups, groups_a_tile(g), [&](int64_t begin, int64_t end) {
        for_groups(g, begin, end, [&](int64_t row, int64_t channel, int64_t at) {
          normalize(g.group_size, in.x + at, static_cast<T>(in.mean[row]),
                    static_cast<T>(inverse[static_cast<size_t>(row)]),
                    in.gamma ? in.gamma + channel : nullptr, in.beta ? in.beta + channel : nullptr,
                    y + at);
        });
      });
      return;
    }
  const NormCut cut(g);
  const auto normalize = norm_tiles<T>().normalize;
  cut.for_tiles([&](int64_t sample, int64_t, int64_t first, int64_t rows, int64_t tail) {
    const NormTables<T> tables(cut, in, inverse, sample, true);
    normalize(rows, cut.width, tail, in.x + first, tables.row(first), y + first);
  });
}

template <Device D, class T>
void update_running_statistics(int64_t n, int64_t values, const double* mean,
                               const double* variance, double momentum, T* running_mean,
                               T* running_variance) {
  const double count = static_cast<double>(values);
  const double unbiased = PIXELGRAD_MUTANT(batch_norm_keeps_the_biased_variance,
                                           values > 1 ? count / (count - 1) : 1, 1.0);
  const double fresh = PIXELGRAD_MUTANT(batch_norm_momentum_swapped, momentum, 1 - momentum);
  const auto mix = [&](T old, double batch) {
    return static_cast<T>((1 - fresh) * static_cast<double>(old) + fresh * batch);
  };
  for (int64_t c = 0; c < n; ++c) {
    running_mean[c] = mix(running_mean[c], mean[c]);
    running_variance[c] = mix(running_variance[c], unbiased * variance[c]);
  }
}

#define PIXELGRAD_INSTANTIATE(T)                                                                  \
  template void norm_statistics<Device::cpu, T>(const NormGeometry&, const T*, double*, double*); \
  template void norm_apply<Device::cpu, T>(const NormArguments<T>&, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
PIXELGRAD_INSTANTIATE(bf16)
#undef PIXELGRAD_INSTANTIATE
#define PIXELGRAD_INSTANTIATE(T)                                                           \
  template void update_running_statistics<Device::cpu, T>(int64_t, int64_t, const double*, \
                                                          const double*, double, T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
