#include "tensor/kernels/optim.h"

#include <algorithm>
#include <cmath>

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

const cuda::LaunchShape one_thread{dim3(1), dim3(1)};

cuda::LaunchShape shape_of(int64_t blocks) {
  return {.blocks = dim3(static_cast<unsigned>(blocks)), .threads = dim3(cuda::block_threads)};
}

__device__ inline bool is_set(const int32_t* flag) { return flag && *flag != 0; }

template <class T>
__global__ void sgd_kernel(SlotList<SgdSlot<T>> list, const int32_t* halted) {
  if (is_set(halted)) return;
  for_elements(list, [](const SgdSlot<T>& s, int64_t i) {
    if (s.velocity)
      s.rule(s.grad[i], s.param[i], s.velocity[i]);
    else
      s.rule(s.grad[i], s.param[i]);
  });
}

template <class T>
__global__ void adam_kernel(SlotList<AdamSlot<T>> list, const int32_t* halted) {
  if (is_set(halted)) return;
  for_elements(list, [](const AdamSlot<T>& s, int64_t i) {
    s.rule(s.grad[i], s.param[i], s.mean[i], s.square[i]);
  });
}

template <class T>
__global__ void clip_kernel(SlotList<GradSlot<T>> list, const double* norm, double max_norm) {
  __shared__ double factor;  // f64 is slow on many GPUs: a division a block is enough
  if (threadIdx.x == 0) factor = clip_factor(*norm, max_norm);
  __syncthreads();
  if (factor == 1) return;
  const T by = static_cast<T>(factor);
  for_elements(list, [by](const GradSlot<T>& s, int64_t i) { s.grad[i] *= by; });
}

__global__ void root_kernel(double* x) { *x = std::sqrt(*x); }

template <class T>
__global__ void halt_kernel(const T* loss, const double* norm, int32_t* halted) {
  if (!std::isfinite(*loss) || !std::isfinite(*norm)) *halted = 1;
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
void sgd_step(std::span<const SgdSlot<T>> slots, const int32_t* halted) {
  for_lists("sgd", slots, [&](const SlotList<SgdSlot<T>>& list, int64_t blocks) {
    cuda::launch("sgd", shape_of(blocks), sgd_kernel<T>, list, halted);
  });
}

template <Device D, class T>
void adam_step(std::span<const AdamSlot<T>> slots, const int32_t* halted) {
  for_lists("adam", slots, [&](const SlotList<AdamSlot<T>>& list, int64_t blocks) {
    cuda::launch("adam", shape_of(blocks), adam_kernel<T>, list, halted);
  });
}

template <Device D, class T>
void gradient_norm(std::span<const GradSlot<const T>> slots, double* norm) {
  const char* const op = "gradient_norm";
  cuda::check_status(cudaMemsetAsync(norm, 0, sizeof(double), cuda::stream()), op);
  for_lists(op, slots, [&](const SlotList<GradSlot<const T>>& list, int64_t blocks) {
    cuda::Scratch<double> partial(blocks);
    cuda::launch(op, shape_of(blocks), squares_kernel<T>, list, partial.data());
    cuda::sum<1>(op, {.reduced = blocks}, PartialSum{partial.data()}, AddTo{norm});
  });
  cuda::launch(op, one_thread, root_kernel, norm);
}

template <Device D, class T>
void clip_to_norm(std::span<const GradSlot<T>> slots, const double* norm, double max_norm) {
  const char* const op = "clip_to_norm";
  for_lists(op, slots, [&](const SlotList<GradSlot<T>>& list, int64_t blocks) {
    cuda::launch(op, shape_of(blocks), clip_kernel<T>, list, norm, max_norm);
  });
}

template <Device D, class T>
void halt_unless_finite(const T* loss, const double* norm, int32_t* halted) {
  cuda::launch("halt_unless_finite", one_thread, halt_kernel<T>, loss, norm, halted);
}

#define PIXELGRAD_INSTANTIATE(T)                                                             \
  template void sgd_step<Device::cuda, T>(std::span<const SgdSlot<T>>, const int32_t*);      \
  template void adam_step<Device::cuda, T>(std::span<const AdamSlot<T>>, const int32_t*);    \
  template void gradient_norm<Device::cuda, T>(std::span<const GradSlot<const T>>, double*); \
  template void clip_to_norm<Device::cuda, T>(std::span<const GradSlot<T>>, const double*,   \
                                              double);                                       \
  template void halt_unless_finite<Device::cuda, T>(const T*, const double*, int32_t*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
