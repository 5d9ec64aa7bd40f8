#include <optional>
#include <type_traits>
#include <vector>

#include "tensor/cpu/norm_cut.h"
#include "tensor/cpu/norm_tiles.h"
#include "tensor/kernels/norm.h"

namespace pixelgrad::kernels {
namespace {

/// What norm_backward is given, and 1 / sqrt(variance + eps).
template <class T>
struct Backward {
  const NormArguments<T>& in;
  const T* dy;
  const NormGradients<T>& out;
  std::vector<double> inverse;

  /// Values of a group, as the means a and b of the header divide by.
  double values() const {
    return static_cast<double>(in.g.positions * PIXELGRAD_MUTANT(norm_backward_divides_by_positions,
                                                                 in.g.group_size, int64_t{1}));
  }
  void store_affine(const std::vector<double>& gamma_sums,
                    const std::vector<double>& beta_sums) const {
    for (size_t c = 0; c < gamma_sums.size(); ++c) {
      if (out.dgamma) out.dgamma[c] = static_cast<compute_t<T>>(gamma_sums[c]);
      if (out.dbeta) out.dbeta[c] = static_cast<compute_t<T>>(beta_sums[c]);
    }
  }
};

template <class T>
void backward_of_groups(const Backward<T>& b) {
  const NormGeometry& g = b.in.g;
  const NormGroupTiles<T> tiles = norm_group_tiles<T>();
  const double n = b.values();
  const int64_t rows = g.samples * g.groups, grain = groups_a_tile(g);
  const size_t channels = static_cast<size_t>(g.channels());
  const bool affine = b.out.dgamma || b.out.dbeta;
  const size_t parts = affine ? static_cast<size_t>((rows + grain - 1) / grain) : 0;
  std::vector<double> gamma_parts(parts * channels), beta_parts(parts * channels);
  parallel_range(rows, grain, [&](int64_t begin, int64_t end) {
    const size_t part = static_cast<size_t>(begin / grain) * channels;
    for_groups(g, begin, end, [&](int64_t row, int64_t channel, int64_t at) {
      const T *x = b.in.x + at, *dy = b.dy + at;
      const T* gamma = b.in.gamma ? b.in.gamma + channel : nullptr;
      const double mean = b.in.mean[row], inverse = b.inverse[static_cast<size_t>(row)];
      if (affine)
        tiles.backward_affine(g.group_size, x, dy, mean, inverse,
                              gamma_parts.data() + part + channel,
                              beta_parts.data() + part + channel);
      if (!b.out.dx) return;
      double sum, product;
      tiles.gradient_sums(g.group_size, x, dy, mean, gamma, &sum, &product);
      const double slope = inverse * inverse * inverse * product / n;
      const double offset = inverse * sum / n;
      tiles.backward_input(g.group_size, x, dy, static_cast<T>(mean), static_cast<T>(inverse),
                           static_cast<T>(slope), static_cast<T>(offset), gamma, b.out.dx + at);
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
  const NormArguments<T>& in = b.in;
  const NormGradients<T>& out = b.out;
  const NormCut cut(in.g);
  const NormTiles<T> tiles = norm_tiles<T>();
  std::vector<double> slope(b.inverse.size()), lift(b.inverse.size());  // b and a of the header
  if (out.dgamma || out.dbeta || (out.dx && !in.constant_statistics)) {
    std::vector<double> tile_sum(cut.size()), tile_product(cut.size());
    cut.for_tiles([&](int64_t sample, int64_t tile, int64_t first, int64_t rows, int64_t tail) {
      std::optional<NormTables<T>> tables;
      if (PIXELGRAD_MUTANT(batch_norm_act_sums_not_cut, in.relu, false))
        tables.emplace(cut, in, b.inverse, sample, true);
      const auto center =
          cut.repeat<double>([&](int64_t c) { return in.mean[cut.group_at(sample, c)]; });
      std::vector<double> sum(center.size()), product(center.size());
      tiles.gradient_sums(rows, cut.width, tail, in.x + first, b.dy + first,
                          tables ? tables->row(first) : NormRow<T>{}, center.data(), sum.data(),
                          product.data());
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
          PIXELGRAD_MUTANT(norm_backward_means_without_gamma, gamma_of(in.gamma, c), 1.0);
      slope[group] += weight * product;
      lift[group] += weight * sum;
    });
    b.store_affine(gamma_sums, beta_sums);
  }
  if (!out.dx && !out.dresidual) return;
  const bool constant =
      PIXELGRAD_MUTANT(norm_backward_of_frozen_statistics_has_means, in.constant_statistics, false);
  const double n = b.values();
  for (size_t i = 0; i < slope.size(); ++i) {
    const double inverse = b.inverse[i];
    slope[i] *= PIXELGRAD_MUTANT(norm_backward_without_variance_term, inverse * inverse / n, 0.0);
    lift[i] *= PIXELGRAD_MUTANT(norm_backward_without_mean_term, inverse / n, 0.0);
    if (constant) slope[i] = lift[i] = 0;
  }
  cut.for_tiles([&](int64_t sample, int64_t, int64_t first, int64_t rows, int64_t tail) {
    const NormTables<T> tables(cut, in, b.inverse, sample, in.relu);
    const auto of_group = [&](const std::vector<double>& values) {
      return cut.repeat<compute_t<T>>([&](int64_t c) { return values[cut.group_at(sample, c)]; });
    };
    tiles.backward_input(rows, cut.width, tail, in.x + first, b.dy + first, tables.row(first),
                         of_group(slope).data(), of_group(lift).data(),
                         out.dx ? out.dx + first : nullptr,
                         out.dresidual ? out.dresidual + first : nullptr);
  });
}

}  // namespace

template <Device D, class T>
void norm_backward(const NormArguments<T>& in, const T* dy, const NormGradients<T>& out) {
  const double inner_eps = PIXELGRAD_MUTANT(norm_backward_without_eps, in.eps, 0.0);
  const Backward<T> b{
      .in = in, .dy = dy, .out = out, .inverse = inverse_deviations(in.g, in.variance, inner_eps)};
  if constexpr (!std::is_same_v<T, bf16>)
    if (groups_lie_together(in.g) && !in.constant_statistics) return backward_of_groups(b);
  backward_down_positions(b);
}

template void norm_backward<Device::cpu, float>(const NormArguments<float>&, const float*,
                                                const NormGradients<float>&);
template void norm_backward<Device::cpu, double>(const NormArguments<double>&, const double*,
                                                 const NormGradients<double>&);
template void norm_backward<Device::cpu, bf16>(const NormArguments<bf16>&, const bf16*,
                                               const NormGradients<bf16>&);

}  // namespace pixelgrad::kernels
