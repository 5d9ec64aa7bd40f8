#pragma once
#include <cstdint>

namespace emulator {

/// Called by a thread in front of a load or store of 4, 8 or 16 bytes of shared memory. The n-th
/// calls that the lanes of a warp make at one place of the program are one access of the warp.
void record_shared_access(const void* address, unsigned bytes);

/// How many times more than needed the warps' accesses since the last reset occupied the memory. It
/// has 32 banks, words of 4 bytes taking turns; in one cycle each bank gives one word, to all lanes
/// that ask for it. Accesses of 8 bytes are made by half a warp at a time, of 16 by a quarter.
uint64_t bank_conflicts();

/// Counts from 0. Nothing is recorded before the first call.
void reset_bank_conflicts();

}  // namespace emulator
