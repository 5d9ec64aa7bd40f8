#include "tensor/kernels/optim.h"

#include <algorithm>

#include "tensor/cuda/host_value.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/sums.h"

// All parameters of a network in a few launches: the slots travel with a launch as its arguments,
// as many as fit, so nothing has to be copied to the device first.
namespace pixelgrad::kernels {
namespace {

constexpr int64_t values_a_block = 4 * cuda::block_threads;

template <class Slot>
struct SlotList {
  static constexpr int most = 4000 / (sizeof(Slot) + sizeof(int64_t));  // 4 KiB of arguments
  int count = 0;
  int64_t first_block[most + 1] = {};  ///< of each slot, and behind the last
  Slot slot[most];

  /// The slot of a block.
  __device__ int slot_of(int64_t block) const {
    int low = 0, high = count;  // first_block[low] <= block < first_block[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (first_block[middle] <= block ? low : high) = middle;
    }
    return low;
  }
};

/// Calls f(slot, element) for the elements of this block.
template <class Slot, class F>
__device__ inline void for_elements(const SlotList<Slot>& list, const F& f) {
  const int64_t block = blockIdx.x;
  const int k = list.slot_of(block);
  const Slot& slot = list.slot[k];
  const int64_t begin = (block - list.first_block[k]) * values_a_block;
  for (int64_t i = begin + threadIdx.x; i < begin + values_a_block && i < slot.n;
       i += cuda::block_threads)
    f(slot, i);
}

/// Calls f(list, blocks) for lists that hold all slots in their order, but empty ones.
template <class Slot, class F>
void for_lists(const char* op, std::span<const Slot> slots, const F& f) {
  SlotList<Slot> list;
  const auto flush = [&] {
    if (list.count > 0) f(list, list.first_block[list.count]);
    list.count = 0;
  };
  for (const Slot& slot : slots) {
    if (slot.n == 0) continue;
    const int64_t blocks = (slot.n + values_a_block - 1) / values_a_block;
    if (list.count == SlotList<Slot>::most ||
        (list.count > 0 && list.first_block[list.count] + blocks > INT32_MAX))
      flush();
    check(blocks <= INT32_MAX, "[", op, "] a parameter of ", slot.n, " values is too large");
    list.slot[list.count++] = slot;
    list.first_block[list.count] = list.first_block[list.count - 1] + blocks;
  }
  flush();
}

cuda::LaunchShape shape_of(int64_t blocks) {
  return {.blocks = dim3(static_cast<unsigned>(blocks)), .threads = dim3(cuda::block_threads)};
}

template <class T>
__global__ void sgd_kernel(SlotList<SgdSlot<T>> list) {
  for_elements(list, [](const SgdSlot<T>& s, int64_t i) {
    if (s.velocity)
      s.rule(s.grad[i], s.param[i], s.velocity[i]);
    else
      s.rule(s.grad[i], s.param[i]);
  });
}

template <class T>
__global__ void adam_kernel(SlotList<AdamSlot<T>> list) {
  for_elements(list, [](const AdamSlot<T>& s, int64_t i) {
    s.rule(s.grad[i], s.param[i], s.mean[i], s.square[i]);
  });
}

template <class T>
__global__ void scale_kernel(SlotList<GradSlot<T>> list, T factor) {
  for_elements(list, [factor](const GradSlot<T>& s, int64_t i) { s.grad[i] *= factor; });
}

/// partial[block] = the sum of the squares of the block's elements.
template <class T>
__global__ void squares_kernel(SlotList<GradSlot<const T>> list, double* partial) {
  __shared__ double shared[cuda::block_threads];
  double sum = 0;
  for_elements(list, [&](const GradSlot<const T>& s, int64_t i) {
    const double g = static_cast<double>(s.grad[i]);
    sum += g * g;
  });
  shared[threadIdx.x] = sum;
  __syncthreads();
  for (unsigned half = cuda::block_threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) partial[blockIdx.x] = shared[0];
}

struct PartialSum {
  const double* partial;
  __device__ void operator()(int64_t, int64_t row, int64_t, cuda::Sums<1>& sums) const {
    sums.value[0] += partial[row];
  }
};

/// Sums of lists follow one another: each is added to the sum of those before it.
struct AddTo {
  double* total;
  __device__ void operator()(int64_t, int64_t, const cuda::Sums<1>& sums) const {
    *total += sums.value[0];
  }
};

}  // namespace

template <Device D, class T>
void sgd_step(std::span<const SgdSlot<T>> slots) {
  for_lists("sgd", slots, [](const SlotList<SgdSlot<T>>& list, int64_t blocks) {
    cuda::launch("sgd", shape_of(blocks), sgd_kernel<T>, list);
  });
}

template <Device D, class T>
void adam_step(std::span<const AdamSlot<T>> slots) {
  for_lists("adam", slots, [](const SlotList<AdamSlot<T>>& list, int64_t blocks) {
    cuda::launch("adam", shape_of(blocks), adam_kernel<T>, list);
  });
}

template <Device D, class T>
double sum_of_squares(std::span<const GradSlot<const T>> slots) {
  const char* const op = "sum_of_squares";
  cuda::Scratch<double> total(1);
  cuda::check_status(cudaMemsetAsync(total.data(), 0, sizeof(double), cuda::stream()), op);
  for_lists(op, slots, [&](const SlotList<GradSlot<const T>>& list, int64_t blocks) {
    cuda::Scratch<double> partial(blocks);
    cuda::launch(op, shape_of(blocks), squares_kernel<T>, list, partial.data());
    cuda::sum<1>(op, {.reduced = blocks}, PartialSum{partial.data()}, AddTo{total.data()});
  });
  return cuda::host_value(op, total.data());
}

template <Device D, class T>
void scale_all(std::span<const GradSlot<T>> slots, double factor) {
  for_lists("scale_all", slots, [&](const SlotList<GradSlot<T>>& list, int64_t blocks) {
    cuda::launch("scale_all", shape_of(blocks), scale_kernel<T>, list, static_cast<T>(factor));
  });
}

#define PIXELGRAD_INSTANTIATE(T)                                                       \
  template void sgd_step<Device::cuda, T>(std::span<const SgdSlot<T>>);                \
  template void adam_step<Device::cuda, T>(std::span<const AdamSlot<T>>);              \
  template double sum_of_squares<Device::cuda, T>(std::span<const GradSlot<const T>>); \
  template void scale_all<Device::cuda, T>(std::span<const GradSlot<T>>, double);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
