#include "bench/peak.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peak.cpp"
#include "tensor/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace pixelgrad::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Twelve independent chains hide the latency of two units of up to six cycles. Returns the number
/// of operations; `sink` keeps the compiler from leaving them out.
double multiply_add(int rounds, float* sink) {
  const hn::ScalableTag<float> d;
  constexpr int chains = 12;
  hn::Vec<decltype(d)> sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
  const auto a = hn::Set(d, sink[0]), b = hn::Set(d, sink[1]);
  for (int round = 0; round < rounds; ++round) {
    HWY_UNROLL(16)
    for (int i = 0; i < chains; ++i) sum[i] = hn::MulAdd(sum[i], a, b);
  }
  auto total = sum[0];
  for (int i = 1; i < chains; ++i) total = hn::Add(total, sum[i]);
  hn::StoreU(total, d, sink);
  return 2.0 * rounds * chains * hn::MaxLanes(d);
}

}  // namespace pixelgrad::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::bench {

HWY_EXPORT(multiply_add);

namespace {

double read(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
double cpu_seconds() { return read(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace

double seconds() { return num_threads() == 1 ? cpu_seconds() : read(CLOCK_MONOTONIC); }

double fma_peak() {
  const int threads = num_threads();
  std::vector<double> best(threads, 0);  // of each task
  for (int repeat = 0; repeat < 12; ++repeat) {
    std::atomic<int> ready{0};
    parallel_for(threads, [&](int64_t i) {
      // Each thread takes exactly one task: none ends before all have begun.
      for (++ready; ready < threads;) std::this_thread::yield();
      alignas(64) float sink[64] = {0.5f, 1.0f};
      const double start = cpu_seconds();
      const double operations = HWY_DYNAMIC_DISPATCH(multiply_add)(100'000, sink);
      best[i] = std::max(best[i], operations / (cpu_seconds() - start) * 1e-9);
    });
  }
  return std::accumulate(best.begin(), best.end(), 0.0);
}

}  // namespace pixelgrad::bench
#endif
