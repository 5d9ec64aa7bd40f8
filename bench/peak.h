#pragma once

// What a figure is held against: the rate of fused multiply-adds of this machine, now.
namespace pixelgrad::bench {

/// Seconds on the clock that suits the number of threads: with one thread its CPU time, which other
/// programs disturb little, else wall time.
double seconds();

/// GFLOP/s of fused multiply-adds on values in registers (f32), with the vectors that the kernels
/// use: the sum over as many threads as parallel_for uses, all at work at once, each in its own CPU
/// time, so that a busy machine does not lower it. Takes some 10 ms; the best of several rounds.
double fma_peak();

}  // namespace pixelgrad::bench
