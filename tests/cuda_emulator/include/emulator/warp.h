#pragma once
// Functions that the lanes of a warp execute together. Each waits for exactly the lanes of its
// mask: a lane that has returned, or that the block has not, is an error, though CUDA lets the
// first pass.
// __activemask() is missing: CUDA does not say which lanes it finds together.
#include <emulator/thread.h>

#include <cstdint>
#include <cstring>

namespace emulator {

/// Does the work of a warp-wide operation: operands[l] is what lane l gave, null for lanes out of
/// the mask.
using WarpOperation = void (*)(void* const operands[32], uint32_t mask);

/// Called by all lanes of the mask with the same operation: it is done once, when the last of them
/// has come, and then all go on. The name is for messages.
void warp_collective(const char* name, uint32_t mask, void* operand, WarpOperation operation);

namespace detail {

/// The running thread's lane in its warp.
int lane();

/// Types that shuffles take; cuda_fp16.h and cuda_bf16.h add theirs.
template <class T>
inline constexpr bool is_shuffled = false;
template <>
inline constexpr bool is_shuffled<int> = true;
template <>
inline constexpr bool is_shuffled<unsigned> = true;
template <>
inline constexpr bool is_shuffled<long> = true;
template <>
inline constexpr bool is_shuffled<unsigned long> = true;
template <>
inline constexpr bool is_shuffled<long long> = true;
template <>
inline constexpr bool is_shuffled<unsigned long long> = true;
template <>
inline constexpr bool is_shuffled<float> = true;
template <>
inline constexpr bool is_shuffled<double> = true;
template <class T>
concept Shuffled = is_shuffled<T>;

template <class T>
struct ShuffleOperand {
  T value;     // in
  int source;  // the lane that is read
  T result;
};

/// Reads what the lane `source` gave. From a lane out of the mask comes no value that a program may
/// use: all bits are set.
template <Shuffled T>
T shuffle(const char* name, uint32_t mask, T value, int source) {
  ShuffleOperand<T> operand{value, source, value};
  warp_collective(name, mask, &operand, [](void* const operands[32], uint32_t lanes) {
    for (int lane = 0; lane < 32; ++lane) {
      if ((lanes >> lane & 1) == 0) continue;
      auto& mine = *static_cast<ShuffleOperand<T>*>(operands[lane]);
      if (operands[mine.source] != nullptr)
        mine.result = static_cast<ShuffleOperand<T>*>(operands[mine.source])->value;
      else
        std::memset(static_cast<void*>(&mine.result), 0xFF, sizeof(T));
    }
  });
  return operand.result;
}

/// Throws where the width is no power of two up to 32, or the distance is not 0..31.
void check_shuffle(const char* name, unsigned distance, int width);
/// Which lanes of the mask have a predicate that is not 0.
uint32_t ballot(const char* name, uint32_t mask, int predicate);

}  // namespace detail
}  // namespace emulator

// The warp is cut into groups of `width` lanes. A lane reads itself where the distance leads out of
// its group; only __shfl_xor_sync may read from the groups before it.
template <emulator::detail::Shuffled T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize) {
  emulator::detail::check_shuffle("__shfl_sync", 0, width);
  const int first = emulator::detail::lane() & ~(width - 1);
  return emulator::detail::shuffle("__shfl_sync", mask, value, first + (source & (width - 1)));
}
template <emulator::detail::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = warpSize) {
  emulator::detail::check_shuffle("__shfl_up_sync", distance, width);
  const int lane = emulator::detail::lane(), source = lane - static_cast<int>(distance);
  const int first = lane & ~(width - 1);
  return emulator::detail::shuffle("__shfl_up_sync", mask, value, source < first ? lane : source);
}
template <emulator::detail::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = warpSize) {
  emulator::detail::check_shuffle("__shfl_down_sync", distance, width);
  const int lane = emulator::detail::lane(), source = lane + static_cast<int>(distance);
  const int last = lane | (width - 1);
  return emulator::detail::shuffle("__shfl_down_sync", mask, value, source > last ? lane : source);
}
template <emulator::detail::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize) {
  emulator::detail::check_shuffle("__shfl_xor_sync", static_cast<unsigned>(lane_mask), width);
  const int lane = emulator::detail::lane(), source = lane ^ lane_mask;
  const int last = lane | (width - 1);
  return emulator::detail::shuffle("__shfl_xor_sync", mask, value, source > last ? lane : source);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return emulator::detail::ballot("__ballot_sync", mask, predicate);
}
inline int __any_sync(unsigned mask, int predicate) {
  return emulator::detail::ballot("__any_sync", mask, predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return emulator::detail::ballot("__all_sync", mask, predicate) == mask;
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) {
  emulator::warp_collective("__syncwarp", mask, nullptr, [](void* const*, uint32_t) {});
}
