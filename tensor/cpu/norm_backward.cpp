#include <vector>

#include "tensor/cpu/norm_cut.h"
#include "tensor/cpu/norm_tiles.h"
#include "tensor/kernels/norm.h"

namespace pixelgrad::kernels {
namespace {

/// What norm_backward is given, with 1 / sqrt(variance + eps) in place of the variance.
template <class T>
struct Backward {
  NormGeometry g;
  const T *x, *dy;
  const double* mean;
  std::vector<double> inverse;
  bool constant_statistics;
  const T* gamma;
  T *dx, *dgamma, *dbeta;

  /// Values of a group, as the means a and b of the header divide by.
  double values() const {
    return static_cast<double>(g.positions * PIXELGRAD_MUTANT(norm_backward_divides_by_positions,
                                                              g.group_size, int64_t{1}));
  }
  void store_affine(const std::vector<double>& gamma_sums,
                    const std::vector<double>& beta_sums) const {
    for (size_t c = 0; c < gamma_sums.size(); ++c) {
      if (dgamma) dgamma[c] = static_cast<T>(gamma_sums[c]);
      if (dbeta) dbeta[c] = static_cast<T>(beta_sums[c]);
    }
  }
};

template <class T>
void backward_of_groups(const Backward<T>& b) {
  const NormGeometry& g = b.g;
  const NormTiles<T> tiles = norm_tiles<T>();
  const double n = b.values();
  const int64_t rows = g.samples * g.groups, grain = groups_a_tile(g);
  const size_t channels = static_cast<size_t>(g.channels());
  const bool affine = b.dgamma || b.dbeta;
  const size_t parts = affine ? static_cast<size_t>((rows + grain - 1) / grain) : 0;
  std::vector<double> gamma_parts(parts * channels), beta_parts(parts * channels);
  parallel_range(rows, grain, [&](int64_t begin, int64_t end) {
    const size_t part = static_cast<size_t>(begin / grain) * channels;
    for_groups(g, begin, end, [&](int64_t row, int64_t channel, int64_t at) {
      const T *x = b.x + at, *dy = b.dy + at;
      const T* gamma = b.gamma ? b.gamma + channel : nullptr;
      const double mean = b.mean[row], inverse = b.inverse[static_cast<size_t>(row)];
      if (affine)
        tiles.group_backward_affine(g.group_size, x, dy, mean, inverse,
                                    gamma_parts.data() + part + channel,
                                    beta_parts.data() + part + channel);
      if (!b.dx) return;
      double sum, product;
      tiles.group_gradient_sums(g.group_size, x, dy, mean, gamma, &sum, &product);
      const double slope = inverse * inverse * inverse * product / n;
      const double offset = inverse * sum / n;
      tiles.group_backward_input(g.group_size, x, dy, static_cast<T>(mean), static_cast<T>(inverse),
                                 static_cast<T>(slope), static_cast<T>(offset), gamma, b.dx + at);
    });
  });
  if (!affine) return;
  std::vector<double> gamma_sums(channels), beta_sums(channels);
  for (size_t i = 0; i < gamma_parts.size(); ++i) {
    gamma_sums[i % channels] += gamma_parts[i];
    beta_sums[i % channels] += beta_parts[i];
  }
  b.store_affine(gamma_sums, beta_sums);
}

template <class T>
void backward_down_positions(const Backward<T>& b) {
  const NormGeometry& g = b.g;
  const NormCut cut(g);
  const NormTiles<T> tiles = norm_tiles<T>();
  const auto mean_of = [&](int64_t sample, int64_t c) { return b.mean[cut.group_at(sample, c)]; };
  std::vector<double> slope(b.inverse.size()), offset(b.inverse.size());  // a and b of the header
  if (b.dgamma || b.dbeta || (b.dx && !b.constant_statistics)) {
    std::vector<double> tile_sum(cut.size()), tile_product(cut.size());
    cut.for_tiles([&](int64_t sample, int64_t tile, int64_t first, int64_t rows, int64_t tail) {
      const auto center = cut.repeat<double>([&](int64_t c) { return mean_of(sample, c); });
      std::vector<double> sum(center.size()), product(center.size());
      tiles.gradient_sums(rows, cut.width, tail, b.x + first, b.dy + first, center.data(),
                          sum.data(), product.data());
      cut.fold(sum, tile_sum.data() + cut.at(sample, tile));
      cut.fold(product, tile_product.data() + cut.at(sample, tile));
    });
    std::vector<double> gamma_sums(static_cast<size_t>(cut.channels)), beta_sums(gamma_sums.size());
    cut.for_parts([&](int64_t sample, int64_t, int64_t c, size_t at) {
      const size_t group = cut.group_at(sample, c), channel = static_cast<size_t>(c);
      const double sum = tile_sum[at], product = tile_product[at] * b.inverse[group];
      gamma_sums[channel] += product;
      beta_sums[channel] += sum;
      const double weight =
          PIXELGRAD_MUTANT(norm_backward_means_without_gamma, gamma_of(b.gamma, c), 1.0);
      slope[group] += weight * product;
      offset[group] += weight * sum;
    });
    b.store_affine(gamma_sums, beta_sums);
  }
  if (!b.dx) return;
  const bool constant =
      PIXELGRAD_MUTANT(norm_backward_of_frozen_statistics_has_means, b.constant_statistics, false);
  const double n = b.values();
  for (size_t i = 0; i < slope.size(); ++i) {
    const double inverse = b.inverse[i];
    slope[i] *= PIXELGRAD_MUTANT(norm_backward_without_variance_term, inverse * inverse / n, 0.0);
    offset[i] *= PIXELGRAD_MUTANT(norm_backward_without_mean_term, inverse / n, 0.0);
    if (constant) slope[i] = offset[i] = 0;
  }
  cut.for_tiles([&](int64_t sample, int64_t, int64_t first, int64_t rows, int64_t tail) {
    const auto of_group = [&](const std::vector<double>& values) {
      return cut.repeat<T>([&](int64_t c) { return values[cut.group_at(sample, c)]; });
    };
    const auto center = cut.repeat<T>([&](int64_t c) { return mean_of(sample, c); });
    const auto scale = cut.repeat<T>(
        [&](int64_t c) { return gamma_of(b.gamma, c) * b.inverse[cut.group_at(sample, c)]; });
    tiles.backward_input(rows, cut.width, tail, b.x + first, b.dy + first, center.data(),
                         scale.data(), of_group(slope).data(), of_group(offset).data(),
                         b.dx + first);
  });
}

}  // namespace

template <Device D, class T>
void norm_backward(const NormGeometry& g, const T* x, const T* dy, const double* mean,
                   const double* variance, double eps, bool constant_statistics, const T* gamma,
                   T* dx, T* dgamma, T* dbeta) {
  const double inner_eps = PIXELGRAD_MUTANT(norm_backward_without_eps, eps, 0.0);
  const Backward<T> b{.g = g,
                      .x = x,
                      .dy = dy,
                      .mean = mean,
                      .inverse = inverse_deviations(g, variance, inner_eps),
                      .constant_statistics = constant_statistics,
                      .gamma = gamma,
                      .dx = dx,
                      .dgamma = dgamma,
                      .dbeta = dbeta};
  if (groups_lie_together(g) && !constant_statistics)
    backward_of_groups(b);
  else
    backward_down_positions(b);
}

#define PIXELGRAD_INSTANTIATE(T)                                                          \
  template void norm_backward<Device::cpu, T>(const NormGeometry&, const T*, const T*,    \
                                              const double*, const double*, double, bool, \
                                              const T*, T*, T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
