#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "tensor/cuda/launch.h"
#include "tensor/cuda/scan.h"
#include "tensor/cuda/scratch.h"

// Stable sorts of keys that each have a value beside them, by radix, 8 bits a pass, from the lowest
// bits up: what has equal keys keeps its order, so the result has the same bits in every run. A
// pass counts the digits of each tile of an array, works out where the first key with a digit of
// each tile goes, and moves the tiles there.
namespace pixelgrad::cuda {

/// Unsigned numbers in the order of floating-point ones.
template <class T>
using SortKey = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

/// The key of a number that is no NaN; -0 has that of 0. No number has one with all bits set, none
/// with all bits clear.
template <class T>
__device__ SortKey<T> sort_key(T value) {
  constexpr SortKey<T> sign = SortKey<T>{1} << (8 * sizeof(T) - 1);
  const auto bits = std::bit_cast<SortKey<T>>(value == 0 ? T{0} : value);
  return bits & sign ? ~bits : bits | sign;
}

template <class T>
__device__ T value_of_key(SortKey<T> key) {
  constexpr SortKey<T> sign = SortKey<T>{1} << (8 * sizeof(T) - 1);
  return std::bit_cast<T>(key & sign ? key ^ sign : ~key);
}

/// `count` arrays of n keys, one behind another.
struct SortShape {
  int64_t count, n;
  static constexpr int64_t tile = 2048;

  PIXELGRAD_HD int64_t tiles() const { return (n + tile - 1) / tile; }
  /// A block for each tile.
  LaunchShape blocks() const {
    check(count * tiles() <= INT32_MAX, "[cuda] ", count, " x ", n,
          " values are too many for one launch");
    return {.blocks = dim3(static_cast<unsigned>(count * tiles())), .threads = dim3(block_threads)};
  }
};

/// What a block works on: elements [begin, end) of all.
struct SortTile {
  int64_t array, tile, begin, end;

  __device__ explicit SortTile(const SortShape& s)
      : array(blockIdx.x / s.tiles()), tile(blockIdx.x % s.tiles()) {
    const int64_t first = tile * SortShape::tile;
    const int64_t last = first + SortShape::tile < s.n ? first + SortShape::tile : s.n;
    begin = array * s.n + first;
    end = array * s.n + last;
  }
};

inline constexpr int sort_digits = 256;
static_assert(sort_digits == block_threads, "each thread looks after a digit");

template <class Key>
__device__ int sort_digit(Key key, int shift) {
  return static_cast<int>(key >> shift & 0xFF);
}

/// counts [array, digit, tile]
template <class Key, class Wanted>
__global__ void count_digits_kernel(SortShape shape, Wanted wanted, int shift, const Key* keys,
                                    uint32_t* counts) {
  __shared__ unsigned count[sort_digits];
  const SortTile tile(shape);
  if (!wanted(tile.array)) return;
  count[threadIdx.x] = 0;
  __syncthreads();
  for (int64_t at = tile.begin + threadIdx.x; at < tile.end; at += block_threads)
    atomicAdd(&count[sort_digit(keys[at], shift)], 1u);  // integers: the order does not matter
  __syncthreads();
  counts[(tile.array * sort_digits + threadIdx.x) * shape.tiles() + tile.tile] = count[threadIdx.x];
}

/// The lanes of the warp that are there and have this lane's digit. All lanes must call it.
__device__ inline uint32_t lanes_with_digit(int digit, bool there) {
  uint32_t same = __ballot_sync(0xFFFFFFFFu, there);
  for (int bit = 0; bit < 8; ++bit) {
    const bool one = digit >> bit & 1;
    const uint32_t ones = __ballot_sync(0xFFFFFFFFu, one);
    same &= one ? ones : ~ones;
  }
  return same;
}

/// `before` [array, digit, tile] are the counts of the tiles before, totals [array, digit] of all.
template <class Key, class Wanted>
__global__ void move_digits_kernel(SortShape shape, Wanted wanted, int shift,
                                   const uint32_t* before, const uint32_t* totals, const Key* keys,
                                   const uint32_t* values, Key* to_keys, uint32_t* to_values) {
  constexpr int warps = block_threads / 32;
  __shared__ uint32_t place[warps][sort_digits];  // of a warp's first key with a digit
  const SortTile tile(shape);
  if (!wanted(tile.array)) return;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
  const int64_t my_digit = tile.array * sort_digits + thread;
  // Where the tile's next key with this thread's digit goes.
  uint32_t next =
      block_scan(totals[my_digit]).before + before[my_digit * shape.tiles() + tile.tile];
  for (int64_t first = tile.begin; first < tile.end; first += block_threads) {
    const int64_t at = first + thread;
    const bool there = at < tile.end;
    const Key key = there ? keys[at] : Key{0};
    const int digit = sort_digit(key, shift);
    // Warps beyond the end have nothing to compare.
    const uint32_t same = first + 32 * warp < tile.end ? lanes_with_digit(digit, there) : 0;
    const uint32_t lower = static_cast<uint32_t>(__popc(same & ((1u << lane) - 1)));
    for (int w = 0; w < warps; ++w) place[w][thread] = 0;
    __syncthreads();
    if (there && lower == 0) place[warp][digit] = static_cast<uint32_t>(__popc(same));
    __syncthreads();
    for (int w = 0; w < warps; ++w) {
      const uint32_t count = place[w][thread];
      place[w][thread] = next;
      next += count;
    }
    __syncthreads();
    if (there) {
      const int64_t to = tile.array * shape.n + place[warp][digit] + lower;
      to_keys[to] = key;
      to_values[to] = values[at];
    }
    __syncthreads();  // before the places are cleared
  }
}

/// Sorts the keys of each array from the smallest up, and the values with them; of arrays for which
/// wanted(array), a device function, is false, nothing is read, and what they hold afterwards is
/// undefined.
template <class Key, class Wanted>
void sort(const char* op, const SortShape& shape, const Wanted& wanted, Key* keys,
          uint32_t* values) {
  if (shape.count == 0 || shape.n == 0) return;
  const int64_t all = shape.count * shape.n, digits = shape.count * sort_digits;
  Scratch<Key> other_keys(all);
  Scratch<uint32_t> other_values(all), counts(digits * shape.tiles()), totals(digits);
  Key *from = keys, *to = other_keys.data();
  uint32_t *from_values = values, *to_values = other_values.data();
  // An even number of passes: at the end all is back in its place.
  for (int shift = 0; shift < static_cast<int>(8 * sizeof(Key)); shift += 8) {
    launch(op, shape.blocks(), count_digits_kernel<Key, Wanted>, shape, wanted, shift, from,
           counts.data());
    scan_rows(op, digits, shape.tiles(), counts.data(), totals.data());
    launch(op, shape.blocks(), move_digits_kernel<Key, Wanted>, shape, wanted, shift, counts.data(),
           totals.data(), from, from_values, to, to_values);
    std::swap(from, to);
    std::swap(from_values, to_values);
  }
}

}  // namespace pixelgrad::cuda
