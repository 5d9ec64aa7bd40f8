#pragma once

// What a figure is held against: the rate of fused multiply-adds of this machine, now.
namespace pixelgrad::bench {

/// Seconds on the clock that suits the number of threads: with one thread its CPU time, which other
/// programs disturb little, else wall time.
double seconds();

/// GFLOP/s of fused multiply-adds on values in registers (f32), on as many threads as parallel_for
/// uses and with the vectors that the kernels use. Takes some 10 ms; the best of several rounds.
double fma_peak();

}  // namespace pixelgrad::bench
