#include "tensor/kernels/lovasz.h"

#include <algorithm>
#include <cmath>

#include "tensor/cuda/block_sum.h"
#include "tensor/cuda/pixel_labels.h"
#include "tensor/cuda/radix_sort.h"
#include "tensor/cuda/row_team.h"
#include "tensor/cuda/scan.h"
#include "tensor/cuda/scratch.h"
#include "tensor/cuda/softmax_row.h"
#include "tensor/cuda/sums.h"

// The classes of the images are arrays of pixels to be sorted: array a is class a % classes of
// image a / classes. Some arrays at a time are sorted together; those of absent classes are left
// out, but it is the device that knows them.
namespace pixelgrad::kernels {
namespace {

/// Of an image: its classes' weights, and its pixels that count.
using ImageSums = cuda::Sums<2>;

/// What each array weighs in the loss, from the labels alone.
template <class T>
struct ArrayWeights {
  PixelLabels<T> labels;
  bool only_present;
  const double* truth;           ///< [arrays], pixels of the class
  const ImageSums* images;       ///< [images]
  const double* counted_images;  ///< those with a pixel that counts

  /// Of a class beside the others of its image.
  __device__ double class_weight(int64_t array) const {
    return truth[array] > 0 || !only_present ? labels.class_weight(array % labels.classes) : 0;
  }
  __device__ double operator()(int64_t array) const {
    const ImageSums& image = images[array / labels.classes];
    const bool empty = image.value[1] == 0 || image.value[0] == 0;
    return empty ? 0 : class_weight(array) / image.value[0] / *counted_images;
  }
};

struct StoreAll {
  int64_t columns;
  double* to;
  __device__ void operator()(int64_t outer, int64_t column, const cuda::Sums<1>& sums) const {
    to[outer * columns + column] = sums.value[0];
  }
};

template <class T>
struct ImageTerm {
  ArrayWeights<T> weights;
  __device__ void operator()(int64_t outer, int64_t row, int64_t, ImageSums& sums) const {
    const int64_t array = outer * weights.labels.classes + row;
    sums.value[0] += weights.class_weight(array);
    sums.value[1] += weights.truth[array];
  }
};

struct StoreImage {
  ImageSums* images;
  __device__ void operator()(int64_t outer, int64_t, const ImageSums& sums) const {
    images[outer] = sums;
  }
};

struct CountedImage {
  const ImageSums* images;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    sums.value[0] += images[row].value[1] > 0 ? 1 : 0;
  }
};

/// Adds up rows of f64.
struct Value {
  const double* x;
  int64_t rows;
  __device__ void operator()(int64_t outer, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    sums.value[0] += x[outer * rows + row];
  }
};

template <class T>
struct Store {
  T* to;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<1>& sums) const {
    *to = static_cast<T>(sums.value[0]);
  }
};

/// Arrays that are sorted together: `first` and those behind it.
template <class T>
struct Batch {
  ArrayWeights<T> weights;
  int64_t first;
  cuda::SortShape shape;
  const T* p;
  cuda::SortKey<T>* keys;  ///< of the errors, the largest first; behind them what does not count
  uint32_t* values;        ///< the pixels, and own_bit
  unsigned* nan;           ///< [arrays of the batch], not 0 where an error is NaN

  static constexpr uint32_t own_bit = 1u << 31;  ///< where the array's class is the label
  static constexpr cuda::SortKey<T> not_counted = ~cuda::SortKey<T>{0};

  __device__ double weight(int64_t array) const { return weights(first + array); }
  __device__ bool operator()(int64_t array) const { return weight(array) != 0; }
  __device__ int64_t image(int64_t array) const { return (first + array) / weights.labels.classes; }
  __device__ int64_t own_class(int64_t array) const {
    return (first + array) % weights.labels.classes;
  }
};

template <class T>
__global__ void errors_kernel(Batch<T> batch) {
  const cuda::SortTile tile(batch.shape);
  if (!batch(tile.array)) return;
  const PixelLabels<T>& labels = batch.weights.labels;
  const int64_t n = batch.shape.n, image = batch.image(tile.array), k = batch.own_class(tile.array);
  for (int64_t at = tile.begin + threadIdx.x; at < tile.end; at += blockDim.x) {
    const int64_t in_image = at - tile.array * n, pixel = image * n + in_image;
    const bool counts = labels.counts(pixel), own = counts && labels.labels[pixel] == k;
    const T p = counts ? batch.p[pixel * labels.classes + k] : T{0};
    const bool nan = p != p;
    if (nan) atomicOr(&batch.nan[tile.array], 1u);
    const auto key = cuda::sort_key(nan ? T{0} : own ? 1 - p : p);
    batch.keys[at] = counts ? ~key : Batch<T>::not_counted;
    batch.values[at] = static_cast<uint32_t>(in_image) | (own ? Batch<T>::own_bit : 0);
  }
}

/// own [array, tile] = the tile's sorted pixels of the array's class
template <class T>
__global__ void count_own_kernel(Batch<T> batch, uint32_t* own) {
  const cuda::SortTile tile(batch.shape);
  if (!batch(tile.array)) return;
  int count = 0;
  for (int64_t begin = tile.begin; begin < tile.end; begin += blockDim.x) {
    const int64_t at = begin + threadIdx.x;
    count += __syncthreads_count(at < tile.end && (batch.values[at] & Batch<T>::own_bit));
  }
  if (threadIdx.x == 0) own[blockIdx.x] = static_cast<uint32_t>(count);
}

/// The Jaccard loss of a class of `truth` pixels where of the first `wrong` pixels `own` are of the
/// class: these are lost from the intersection, and the others are added to the union.
__device__ inline double jaccard_loss(double truth, int64_t wrong, int64_t own) {
  return 1 - (truth - static_cast<double>(own)) / (truth + static_cast<double>(wrong - own));
}

/// From the sorted errors to the tiles' parts of the losses, and the gradients by p. own_before
/// [array, tile]: the array's pixels of its class in the tiles before.
template <class T>
__global__ void steps_kernel(Batch<T> batch, const uint32_t* own_before, double* partial, T* dp) {
  const cuda::SortTile tile(batch.shape);
  const double weight = batch.weight(tile.array);
  if (weight == 0 || batch.nan[tile.array] != 0) {  // the gradient of a class with a NaN stays 0
    if (threadIdx.x == 0) partial[blockIdx.x] = weight == 0 ? 0 : NAN;
    return;
  }
  const int64_t classes = batch.weights.labels.classes, n = batch.shape.n;
  const int64_t image = batch.image(tile.array), k = batch.own_class(tile.array);
  const double truth = batch.weights.truth[batch.first + tile.array];
  int64_t own_so_far = own_before[blockIdx.x];
  double loss = 0;
  for (int64_t begin = tile.begin; begin < tile.end; begin += blockDim.x) {
    const int64_t at = begin + threadIdx.x;
    const bool there = at < tile.end && batch.keys[at] != Batch<T>::not_counted;
    const uint32_t value = there ? batch.values[at] : 0;
    const bool own = value & Batch<T>::own_bit;
    const cuda::BlockScan scan = cuda::block_scan(own ? 1 : 0);
    const int64_t wrong = at - tile.array * n, own_wrong = own_so_far + scan.before;
    own_so_far += scan.total;
    if (!there) continue;
    const double before = wrong == 0 ? 0 : jaccard_loss(truth, wrong, own_wrong);
    const double step = jaccard_loss(truth, wrong + 1, own_wrong + (own ? 1 : 0)) - before;
    loss += static_cast<double>(cuda::value_of_key<T>(~batch.keys[at])) * step;
    const int64_t pixel = image * n + (value & ~Batch<T>::own_bit);
    if (dp) dp[pixel * classes + k] = static_cast<T>((own ? -weight : weight) * step);
  }
  loss = cuda::block_sum(loss);
  if (threadIdx.x == 0) partial[blockIdx.x] = weight * loss;
}

/// From the gradients by p to those by the logits, in place; what a pixel that does not count
/// holds, if only NaNs, stays out.
template <class Team, class T>
__global__ void through_softmax_kernel(PixelLabels<T> labels, const T* p, T* d) {
  for (int round = 0; round < Team::rounds; ++round) {
    const int64_t pixel = Team::row(round);
    const bool counts = pixel < labels.pixels && labels.counts(pixel);
    const int64_t at = counts ? pixel * labels.classes : 0;
    const Team team(counts ? labels.classes : 0);
    const cuda::RowValues<Team, T> row(team, p + at), gradient(team, d + at);
    cuda::through_softmax(team, row, gradient, d + at);
  }
}

/// Sorts the arrays from `first` on; losses [shape.count] = each one's part of the loss.
template <class T>
void batch_losses(const char* op, const ArrayWeights<T>& weights, int64_t first,
                  const cuda::SortShape& shape, const T* p, double* losses, T* dp) {
  cuda::Scratch<cuda::SortKey<T>> keys(shape.count * shape.n);
  cuda::Scratch<uint32_t> values(shape.count * shape.n), own(shape.count * shape.tiles());
  cuda::Scratch<unsigned> nan(shape.count);
  cuda::Scratch<double> partial(shape.count * shape.tiles());
  const Batch<T> batch{weights, first, shape, p, keys.data(), values.data(), nan.data()};
  const size_t bytes = static_cast<size_t>(shape.count) * sizeof(unsigned);
  cuda::check_status(cudaMemsetAsync(nan.data(), 0, bytes, cuda::stream()), op);
  cuda::launch(op, shape.blocks(), errors_kernel<T>, batch);
  cuda::sort(op, shape, batch, keys.data(), values.data());
  cuda::launch(op, shape.blocks(), count_own_kernel<T>, batch, own.data());
  cuda::scan_rows(op, shape.count, shape.tiles(), own.data(), nullptr);
  cuda::launch(op, shape.blocks(), steps_kernel<T>, batch, own.data(), partial.data(), dp);
  cuda::sum<1>(op, {shape.count, shape.tiles(), 1}, Value{partial.data(), shape.tiles()},
               StoreAll{1, losses});
}

}  // namespace

template <Device D, class T>
void lovasz_softmax(const PixelLabels<T>& labels, int64_t images, bool only_present, const T* p,
                    T* loss, T* dlogits) {
  const char* op = "lovasz_softmax";
  const int64_t classes = labels.classes, arrays = images * classes;
  const int64_t pixels = images > 0 ? labels.pixels / images : 0;
  check(pixels <= INT32_MAX, "[", op, "] ", pixels, " pixels are too many to be sorted at once");
  if (pixels == 0) {
    cuda::check_status(cudaMemsetAsync(loss, 0, sizeof(T), cuda::stream()), op);
    return;
  }
  cuda::Scratch<double> truth(arrays), counted_images(1), losses(arrays);
  cuda::Scratch<ImageSums> image_sums(images);
  const ArrayWeights<T> weights{labels, only_present, truth.data(), image_sums.data(),
                                counted_images.data()};
  cuda::sum<1>(op, {images, pixels, classes}, cuda::OfClass<T>{labels, pixels},
               StoreAll{classes, truth.data()});
  cuda::sum<2>(op, {images, classes, 1}, ImageTerm<T>{weights}, StoreImage{image_sums.data()});
  cuda::sum<1>(op, {.reduced = images}, CountedImage{image_sums.data()},
               Store<double>{counted_images.data()});
  if (dlogits) {
    const size_t bytes = static_cast<size_t>(labels.pixels * classes) * sizeof(T);
    cuda::check_status(cudaMemsetAsync(dlogits, 0, bytes, cuda::stream()), op);
  }
  constexpr int64_t values_at_a_time = 1 << 24;
  const int64_t at_a_time = std::max<int64_t>(1, values_at_a_time / pixels);
  for (int64_t first = 0; first < arrays; first += at_a_time)
    batch_losses(op, weights, first, {std::min(at_a_time, arrays - first), pixels}, p,
                 losses.data() + first, dlogits);
  cuda::sum<1>(op, {.reduced = arrays}, Value{losses.data(), arrays}, Store<T>{loss});
  if (dlogits)
    cuda::with_row_team(classes, [&]<class Team>() {
      cuda::launch(op, cuda::team_for_each<Team>(labels.pixels), through_softmax_kernel<Team, T>,
                   labels, p, dlogits);
    });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                \
  template void lovasz_softmax<Device::cuda, T>(const PixelLabels<T>&, int64_t, bool, const T*, \
                                                T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
