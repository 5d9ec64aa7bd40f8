#include "tensor/kernels/cross_entropy.h"

#include <cmath>

#include "tensor/cuda/block_sum.h"
#include "tensor/cuda/pixel_labels.h"
#include "tensor/cuda/radix_sort.h"
#include "tensor/cuda/row_team.h"
#include "tensor/cuda/scratch.h"
#include "tensor/cuda/softmax_row.h"
#include "tensor/cuda/sums.h"

namespace pixelgrad::kernels {
namespace {

/// A pixel that a team works on. One that does not count has no columns, and its label is 0.
template <class Team, class T>
struct SoftmaxPixel {
  const Team& team;
  const cuda::RowValues<Team, T>& logits;
  const cuda::SoftmaxRow<Team, T>& softmax;
  double log_sum;
  int32_t label;
  bool counts;
  T* dz;  ///< null where no gradient is wanted

  /// -log p[k]
  __device__ double surprise(int i, int64_t k) const {
    return log_sum + (static_cast<double>(softmax.largest) - static_cast<double>(logits(i, k)));
  }
  /// value(i, k) where k is the label, in all threads of the team.
  template <class F>
  __device__ auto of_label(const F& value) const {
    decltype(value(0, 0)) mine = 0;
    team.for_each([&](int i, int64_t k) {
      if (k == label) mine = value(i, k);
    });
    return Team::sum(mine);
  }
};

/// The losses: called with a pixel by all threads of its team, they write its gradient and return
/// each a share of its loss before the division by W.
template <class T>
struct CrossEntropy {
  CrossEntropyWeights<T> weights;
  const double* soft_sum;  ///< sum of weights.soft(k); null where nothing is smoothed

  template <class Team>
  __device__ double operator()(const SoftmaxPixel<Team, T>& px, double inverse_total) const {
    const double hard = weights.hard(px.label);
    double loss = 0;
    px.team.for_each([&](int i, int64_t k) {
      if (k == px.label) loss += hard * px.surprise(i, k);
      if (soft_sum) loss += weights.soft(k) * px.surprise(i, k);
    });
    if (!px.dz) return loss;
    const double all = hard + (soft_sum ? *soft_sum : 0);
    const T factor = static_cast<T>(all * inverse_total / static_cast<double>(px.softmax.sum));
    px.team.for_each([&](int i, int64_t k) {
      T gradient = factor * px.softmax.exp(i, k);
      if (soft_sum) gradient -= static_cast<T>(weights.soft(k) * inverse_total);
      if (k == px.label) gradient -= static_cast<T>(hard * inverse_total);
      px.dz[k] = gradient;
    });
    return loss;
  }
};

template <class T>
struct Focal {
  PixelLabels<T> labels;
  double gamma;

  template <class Team>
  __device__ double operator()(const SoftmaxPixel<Team, T>& px, double inverse_total) const {
    double mine = 0;
    px.team.for_each([&](int i, int64_t k) {
      if (k != px.label) mine += static_cast<double>(px.softmax.exp(i, k));
    });
    const double others = Team::sum(mine);
    // In double: an error of the sum counts gamma + 1 times.
    const double sum =
        others +
        static_cast<double>(px.of_label([&](int i, int64_t k) { return px.softmax.exp(i, k); }));
    const double surprise = px.of_label([&](int i, int64_t k) { return px.surprise(i, k); });
    if (!px.counts) return 0;
    const double rest = others / sum;  // 1 - p[label]
    const FocalPixel focal(rest, surprise, labels.class_weight(px.label), gamma);
    if (px.dz) {
      const double factor = focal.slope * inverse_total;
      const T scale = static_cast<T>(factor / sum);
      px.team.for_each([&](int i, int64_t k) {
        px.dz[k] = k == px.label ? static_cast<T>(-factor * rest) : scale * px.softmax.exp(i, k);
      });
    }
    return Team::first() ? focal.loss : 0;
  }
};

/// Calls f(pixel, SoftmaxPixel) for the pixels of this thread's teams, also for those that do not
/// count, whose gradient becomes 0.
template <class Team, class T, class F>
__device__ void for_softmax_pixels(const PixelLabels<T>& labels, const T* logits, T* dlogits,
                                   const F& f) {
  for (int round = 0; round < Team::rounds; ++round) {
    const int64_t pixel = Team::row(round);
    const bool there = pixel < labels.pixels, counts = there && labels.counts(pixel);
    const int64_t at = there ? pixel * labels.classes : 0;
    T* dz = dlogits ? dlogits + at : nullptr;
    const Team team(counts ? labels.classes : 0);
    const cuda::RowValues<Team, T> row(team, logits + at);
    const cuda::SoftmaxRow<Team, T> softmax(team, row);
    f(pixel, SoftmaxPixel<Team, T>{team, row, softmax, static_cast<double>(std::log(softmax.sum)),
                                   counts ? labels.labels[pixel] : 0, counts, dz});
    if (dz && there && !counts) Team(labels.classes).for_each([&](int, int64_t k) { dz[k] = 0; });
  }
}

/// partial[b] = the sum of block b's losses
template <class Team, class T, class Loss>
__global__ void label_loss_kernel(PixelLabels<T> labels, Loss loss, const double* total,
                                  const T* logits, double* partial, T* dlogits) {
  const double inverse_total = cuda::inverse_weight(total);
  double mine = 0;
  for_softmax_pixels<Team>(labels, logits, dlogits, [&](int64_t, const SoftmaxPixel<Team, T>& px) {
    mine += loss(px, inverse_total);
  });
  const double sum = cuda::block_sum(mine);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

struct Partial {
  const double* partial;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    sums.value[0] += partial[row];
  }
};

template <class T>
struct Mean {
  const double* total;
  T* loss;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<1>& sums) const {
    *loss = static_cast<T>(sums.value[0] * cuda::inverse_weight(total));
  }
};

template <class T, class Loss>
void mean_over_pixels(const char* op, const PixelLabels<T>& labels, const Loss& each,
                      const T* logits, T* loss, T* dlogits) {
  cuda::Scratch<double> total(1);
  cuda::total_weight(labels, total.data());
  cuda::with_row_team(labels.classes, [&]<class Team>() {
    const cuda::LaunchShape shape = cuda::team_for_each<Team>(labels.pixels);
    const int64_t blocks = shape.blocks.x;
    cuda::Scratch<double> partial(blocks);
    if (labels.pixels > 0)
      cuda::launch(op, shape, label_loss_kernel<Team, T, Loss>, labels, each, total.data(), logits,
                   partial.data(), dlogits);
    cuda::sum<1>(op, {.reduced = labels.pixels > 0 ? blocks : 0}, Partial{partial.data()},
                 Mean<T>{total.data(), loss});
  });
}

template <class T>
struct SoftWeight {
  CrossEntropyWeights<T> weights;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    sums.value[0] += weights.soft(row);
  }
};

struct Store {
  double* to;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<1>& sums) const {
    *to = sums.value[0];
  }
};

/// What pixels are sorted by: the probability of the label. A NaN comes first, for it must reach
/// the loss; pixels that do not count come last.
template <class T>
using Key = cuda::SortKey<T>;
template <class T>
inline constexpr Key<T> last_key = ~Key<T>{0};

template <class Team, class T>
__global__ void key_kernel(PixelLabels<T> labels, const T* logits, Key<T>* keys, uint32_t* pixels) {
  for_softmax_pixels<Team>(
      labels, logits, static_cast<T*>(nullptr),
      [&](int64_t pixel, const SoftmaxPixel<Team, T>& px) {
        const double own = static_cast<double>(
            px.of_label([&](int i, int64_t k) { return px.softmax.exp(i, k); }));
        if (pixel >= labels.pixels || !Team::first()) return;
        const T p = static_cast<T>(own / static_cast<double>(px.softmax.sum));
        keys[pixel] = px.counts ? cuda::sort_key(p != p ? T{-1} : p) : last_key<T>;
        pixels[pixel] = static_cast<uint32_t>(pixel);
      });
}

template <class T>
struct Hardness {
  double threshold;
  const Key<T>* keys;
  __device__ bool hard(int64_t pixel) const {
    return keys[pixel] != last_key<T> &&
           static_cast<double>(cuda::value_of_key<T>(keys[pixel])) < threshold;
  }
  /// Counts the hard pixels and those that count.
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<2>& sums) const {
    sums.value[0] += hard(row) ? 1 : 0;
    sums.value[1] += keys[row] != last_key<T> ? 1 : 0;
  }
};

/// *lowest = how many pixels are to be kept for their place in the order; 0 where the threshold
/// leaves enough.
struct Lowest {
  double min_kept;
  int64_t* lowest;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<2>& sums) const {
    const double hard = sums.value[0], counted = sums.value[1];
    *lowest = static_cast<int64_t>(hard >= min_kept ? 0 : counted < min_kept ? counted : min_kept);
  }
};

template <class T>
__global__ void keep_hard_kernel(PixelLabels<T> labels, Hardness<T> hardness, int32_t* kept) {
  const int64_t pixel = cuda::thread_number();
  if (pixel >= labels.pixels) return;
  kept[pixel] = hardness.hard(pixel) ? labels.labels[pixel] : labels.ignore_index;
}

__global__ void keep_lowest_kernel(int64_t n, const int64_t* lowest, const uint32_t* pixels,
                                   const int32_t* labels, int32_t* kept) {
  const int64_t i = cuda::thread_number();
  if (i < n && i < *lowest) kept[pixels[i]] = labels[pixels[i]];
}

/// Whether there is a need to sort.
struct AnyLowest {
  const int64_t* lowest;
  __device__ bool operator()(int64_t) const { return *lowest > 0; }
};

}  // namespace

template <Device D, class T>
void cross_entropy(const PixelLabels<T>& labels, double smoothing, const T* logits, T* loss,
                   T* dlogits) {
  const char* op = "cross_entropy";
  const CrossEntropyWeights<T> weights(labels, smoothing);
  cuda::Scratch<double> soft_sum(1);
  if (smoothing != 0)
    cuda::sum<1>(op, {.reduced = labels.classes}, SoftWeight<T>{weights}, Store{soft_sum.data()});
  mean_over_pixels(op, labels, CrossEntropy<T>{weights, smoothing != 0 ? soft_sum.data() : nullptr},
                   logits, loss, dlogits);
}

template <Device D, class T>
void focal_loss(const PixelLabels<T>& labels, double gamma, const T* logits, T* loss, T* dlogits) {
  mean_over_pixels("focal_loss", labels, Focal<T>{labels, gamma}, logits, loss, dlogits);
}

template <Device D, class T>
void keep_hard_pixels(const PixelLabels<T>& labels, const T* logits, double threshold,
                      int64_t min_kept, int32_t* kept) {
  const char* op = "keep_hard_pixels";
  const int64_t n = labels.pixels;
  if (n == 0) return;
  check(n <= UINT32_MAX, "[", op, "] ", n, " pixels are too many to be sorted at once");
  cuda::Scratch<Key<T>> keys(n);
  cuda::Scratch<uint32_t> pixels(n);
  cuda::with_row_team(labels.classes, [&]<class Team>() {
    cuda::launch(op, cuda::team_for_each<Team>(n), key_kernel<Team, T>, labels, logits, keys.data(),
                 pixels.data());
  });
  const Hardness<T> hardness{threshold, keys.data()};
  cuda::Scratch<int64_t> lowest(1);
  cuda::sum<2>(op, {.reduced = n}, hardness, Lowest{static_cast<double>(min_kept), lowest.data()});
  cuda::launch(op, cuda::one_thread_each(n), keep_hard_kernel<T>, labels, hardness, kept);
  if (min_kept == 0) return;
  cuda::sort(op, {1, n}, AnyLowest{lowest.data()}, keys.data(), pixels.data());
  cuda::launch(op, cuda::one_thread_each(n), keep_lowest_kernel, n, lowest.data(), pixels.data(),
               labels.labels, kept);
}

#define PIXELGRAD_INSTANTIATE(T)                                                                 \
  template void cross_entropy<Device::cuda, T>(const PixelLabels<T>&, double, const T*, T*, T*); \
  template void focal_loss<Device::cuda, T>(const PixelLabels<T>&, double, const T*, T*, T*);    \
  template void keep_hard_pixels<Device::cuda, T>(const PixelLabels<T>&, const T*, double,       \
                                                  int64_t, int32_t*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
