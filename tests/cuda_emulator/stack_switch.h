#pragma once
#include <cstddef>

namespace emulator {

/// A context that will run `entry` on the given stack when it is switched to; `entry` must not
/// return.
void* new_stack(void* lowest, size_t bytes, void (*entry)());
/// Stores in *from where the caller is, and goes on at `to`.
void switch_stack(void** from, void* to);

}  // namespace emulator
