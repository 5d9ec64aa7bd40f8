#pragma once
#include <string>

#include "tensor/tensor.h"

// What figures are held against: how fast this machine computes and moves memory, now.
namespace pixelgrad::bench {

/// The least that a call must do: arithmetic, and bytes from and to main memory.
struct Work {
  double flops = 0, bytes = 0;
};

/// Seconds of wall time, from any beginning.
double wall_seconds();

/// Seconds on the clock that suits the number of threads: with one thread its CPU time, which other
/// programs disturb little, else wall time.
double seconds();

/// Name of the processor, as the system gives it.
std::string processor();

/// "2026-01-31T12:34:56Z"
std::string utc_now();

/// GFLOP/s of fused multiply-adds on values in registers (f32), with the vectors that the kernels
/// use and as many threads as parallel_for: what all threads did together in `window` seconds(),
/// the best of all such windows of `duration`. Kernels are timed by the same clock, so neither
/// figure hides that two threads shared one core. A processor is faster for its first milliseconds
/// than it can stay: what a call is held against must have a window as long as the call.
double fma_peak(double window = 1e-3, double duration = 15e-3);

/// The same of the inner loop that our convolutions have, with operands that stay in the first
/// cache: what is left for them of the peak when loads, and whoever shares the core, take their
/// part.
double tile_peak(double window = 1e-3, double duration = 15e-3);

/// Bytes of main memory that this process holds now, and held at most so far.
int64_t resident_bytes();
int64_t peak_resident_bytes();

/// How stores go to memory: through the caches, which first read the line that is to be overwritten
/// (write-allocate), or past them.
enum class Store { ordinary, non_temporal };

/// Three arrays that together are six times as large as the last cache.
class MainMemory {
 public:
  MainMemory();

  /// GB/s of a[i] = b[i] + s * c[i] (f32) on all threads, one pass: the triad of McCalpin's STREAM.
  /// As there, three arrays' bytes count for both kinds of stores, although ordinary ones move a
  /// fourth array's, the lines of `a` that are read in vain. So this is what code with ordinary
  /// stores can reach; code that stores past the caches, or reads more than it writes, may be up to
  /// a third faster, or more where reads and writes are not equally fast. Afterwards nothing that
  /// was in the caches before is there.
  double triad(Store store = Store::ordinary);

 private:
  Tensor a_, b_, c_;
};

}  // namespace pixelgrad::bench
