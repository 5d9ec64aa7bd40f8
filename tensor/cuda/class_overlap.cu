#include "tensor/kernels/class_overlap.h"

#include "tensor/cuda/row_team.h"
#include "tensor/cuda/softmax_row.h"
#include "tensor/cuda/sums.h"

namespace pixelgrad::kernels {
namespace {

template <class T>
struct Counts {
  PixelLabels<T> labels;
  const T* p;
  __device__ void operator()(int64_t, int64_t row, int64_t column, cuda::Sums<3>& sums) const {
    if (!labels.counts(row)) return;
    const double value = static_cast<double>(p[row * labels.classes + column]);
    sums.value[1] += value;
    if (labels.labels[row] != column) return;
    sums.value[0] += value;
    sums.value[2] += 1;
  }
};

struct StoreCounts {
  double *overlap, *predicted, *truth;
  __device__ void operator()(int64_t, int64_t column, const cuda::Sums<3>& sums) const {
    overlap[column] = sums.value[0];
    predicted[column] = sums.value[1];
    truth[column] = sums.value[2];
  }
};

template <class Team, class T>
__global__ void backward_kernel(PixelLabels<T> labels, const T* p, const double* doverlap,
                                const double* dpredicted, T* dlogits) {
  for (int round = 0; round < Team::rounds; ++round) {
    const int64_t pixel = Team::row(round);
    const bool there = pixel < labels.pixels, counts = there && labels.counts(pixel);
    const int64_t at = there ? pixel * labels.classes : 0;
    const int32_t label = counts ? labels.labels[pixel] : 0;
    const Team team(counts ? labels.classes : 0);
    const cuda::RowValues<Team, T> row(team, p + at);
    const auto gradient = [&](int, int64_t k) {
      return static_cast<T>(dpredicted[k] + (k == label ? doverlap[k] : 0));
    };
    cuda::through_softmax(team, row, gradient, dlogits + at);
    if (there && !counts)
      Team(labels.classes).for_each([&](int, int64_t k) { dlogits[at + k] = 0; });
  }
}

}  // namespace

template <Device D, class T>
void class_overlap(const PixelLabels<T>& labels, const T* p, double* overlap, double* predicted,
                   double* truth) {
  cuda::sum<3>("class_overlap", {1, labels.pixels, labels.classes}, Counts<T>{labels, p},
               StoreCounts{overlap, predicted, truth});
}

template <Device D, class T>
void class_overlap_backward(const PixelLabels<T>& labels, const T* p, const double* doverlap,
                            const double* dpredicted, T* dlogits) {
  if (labels.pixels == 0) return;
  cuda::with_row_team(labels.classes, [&]<class Team>() {
    cuda::launch("class_overlap", cuda::team_for_each<Team>(labels.pixels),
                 backward_kernel<Team, T>, labels, p, doverlap, dpredicted, dlogits);
  });
}

#define PIXELGRAD_INSTANTIATE(T)                                                                  \
  template void class_overlap<Device::cuda, T>(const PixelLabels<T>&, const T*, double*, double*, \
                                               double*);                                          \
  template void class_overlap_backward<Device::cuda, T>(const PixelLabels<T>&, const T*,          \
                                                        const double*, const double*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
