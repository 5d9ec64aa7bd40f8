#include "tensor/cuda/pixel_labels.h"

#include "tensor/cuda/host_value.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/scratch.h"

namespace pixelgrad {
namespace {

using Position = unsigned long long;  // what atomicMin takes

/// `first` becomes the least position that is not valid; no order of threads changes that.
template <class T>
__global__ void find_bad_label_kernel(kernels::PixelLabels<T> labels, Position* first) {
  const int64_t pixel = cuda::thread_number();
  if (pixel < labels.pixels && !labels.valid(pixel)) atomicMin(first, static_cast<Position>(pixel));
}

template <class T>
struct Weight {
  kernels::PixelLabels<T> labels;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    sums.value[0] += labels.weight(row);
  }
};

/// Stores the sum of each column.
template <class T>
struct Store {
  T* to;
  __device__ void operator()(int64_t, int64_t column, const cuda::Sums<1>& sums) const {
    to[column] = static_cast<T>(sums.value[0]);
  }
};

}  // namespace

namespace cuda {

template <class T>
void total_weight(const kernels::PixelLabels<T>& labels, double* total) {
  sum<1>("total_weight", {.reduced = labels.pixels}, Weight<T>{labels}, Store<double>{total});
}

}  // namespace cuda

namespace kernels {

template <Device D, class T>
int64_t find_bad_label(const PixelLabels<T>& labels) {
  if (labels.pixels == 0) return -1;
  const char* op = "find_bad_label";
  cuda::Scratch<Position> first(1);
  // All bits set: the largest position, and as a result -1.
  cuda::check_status(cudaMemsetAsync(first.data(), 0xFF, sizeof(Position), cuda::stream()), op);
  cuda::launch(op, cuda::one_thread_each(labels.pixels), find_bad_label_kernel<T>, labels,
               first.data());
  return static_cast<int64_t>(cuda::host_value(op, first.data()));
}

template <Device D, class T>
double total_weight(const PixelLabels<T>& labels) {
  cuda::Scratch<double> total(1);
  cuda::total_weight(labels, total.data());
  return cuda::host_value("total_weight", total.data());
}

template <Device D, class T>
void count_classes(const PixelLabels<T>& labels, int64_t* counts) {
  cuda::sum<1>("count_classes", {1, labels.pixels, labels.classes},
               cuda::OfClass<T>{labels, labels.pixels}, Store<int64_t>{counts});
}

}  // namespace kernels

#define PIXELGRAD_INSTANTIATE(T)                                                             \
  template void cuda::total_weight<T>(const kernels::PixelLabels<T>&, double*);              \
  template int64_t kernels::find_bad_label<Device::cuda, T>(const kernels::PixelLabels<T>&); \
  template double kernels::total_weight<Device::cuda, T>(const kernels::PixelLabels<T>&);    \
  template void kernels::count_classes<Device::cuda, T>(const kernels::PixelLabels<T>&, int64_t*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad
