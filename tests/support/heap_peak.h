#pragma once
#include <cstdint>

namespace pixelgrad::testing {

/// Bytes that operator new has given out and not got back, in this program.
int64_t heap_in_use();
/// The most since reset_heap_peak().
int64_t heap_peak();
void reset_heap_peak();

}  // namespace pixelgrad::testing
