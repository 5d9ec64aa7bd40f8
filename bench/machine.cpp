#include "bench/machine.h"

#include <time.h>
#include <unistd.h>

#include <hwy/cache_control.h>
#include <algorithm>
#include <ctime>
#include <fstream>
#include <string_view>
#include <vector>

#include "tensor/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/machine.cpp"
#include "tensor/cpu/simd.h"

#include "tensor/cpu/conv2d_registers-inl.h"  // after the target is set

#ifndef PIXELGRAD_BENCH_MACHINE_ONCE
#define PIXELGRAD_BENCH_MACHINE_ONCE
namespace pixelgrad::bench {
inline constexpr int tile_channels = 128;
}
#endif

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

/// The inner loop of a convolution, whose operands, 16 KiB of weights and 14 rows of half a KiB at
/// most, stay in the first cache. Returns the number of operations.
double multiply_tile(int rounds, const float* operands, float* sink) {
  const hn::ScalableTag<float> d;
  constexpr int width = 2, pixels = cpu::HWY_NAMESPACE::max_tile<width>;
  constexpr auto lanes = static_cast<int>(hn::MaxLanes(d));
  hn::Vec<decltype(d)> sum[pixels][width];
  HWY_UNROLL(16)
  for (int p = 0; p < pixels; ++p)
    for (int k = 0; k < width; ++k) sum[p][k] = hn::Zero(d);
  for (int round = 0; round < rounds; ++round) {
    const float *x = operands, *w = operands + pixels * tile_channels;
    for (int c = 0; c < tile_channels; ++c, ++x, w += width * lanes) {
      hn::Vec<decltype(d)> weight[width];
      for (int k = 0; k < width; ++k) weight[k] = hn::LoadU(d, w + k * lanes);
      cpu::HWY_NAMESPACE::mul_add_tile<pixels, width>(d, x, tile_channels, weight, sum);
    }
  }
  auto total = hn::Zero(d);
  HWY_UNROLL(16)
  for (int p = 0; p < pixels; ++p)
    for (int k = 0; k < width; ++k) total = hn::Add(total, sum[p][k]);
  hn::StoreU(total, d, sink);
  return 2.0 * rounds * tile_channels * pixels * width * lanes;
}

/// a = b + 3 c, for n a multiple of all vectors' lengths and aligned arrays.
void triad(int64_t n, bool non_temporal, const float* b, const float* c, float* a) {
  const hn::ScalableTag<float> d;
  const auto s = hn::Set(d, 3.0f);
  const auto lanes = static_cast<int64_t>(hn::MaxLanes(d));
  if (non_temporal) {
    for (int64_t i = 0; i < n; i += lanes)
      hn::Stream(hn::MulAdd(s, hn::Load(d, c + i), hn::Load(d, b + i)), d, a + i);
    hwy::FlushStream();
  } else {
    for (int64_t i = 0; i < n; i += lanes)
      hn::Store(hn::MulAdd(s, hn::Load(d, c + i), hn::Load(d, b + i)), d, a + i);
  }
}

}  // namespace pixelgrad::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pixelgrad::bench {

HWY_EXPORT(multiply_add);
HWY_EXPORT(multiply_tile);
HWY_EXPORT(triad);

namespace {

double read(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// The rest of the first line that begins so; empty when there is none.
std::string value_after(const char* file, std::string_view begin) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(begin)) return line.substr(begin.size());
  return "";
}

int64_t status_bytes(std::string_view key) {
  const std::string kilobytes = value_after("/proc/self/status", key);
  check(!kilobytes.empty(), "/proc/self/status does not say ", key);
  return 1024 * std::stoll(kilobytes);
}

int64_t last_cache_bytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  for (const int level : {_SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE})
    if (const int64_t bytes = sysconf(level); bytes > 0) return bytes;
#endif
  return int64_t{64} << 20;  // the system does not say
}

/// How many operations a thread had done at which times.
class Log {
 public:
  void add(double time, double operations) {
    times_.push_back(time);
    done_.push_back(operations + (done_.empty() ? 0 : done_.back()));
  }
  double first() const { return times_.front(); }
  double last() const { return times_.back(); }

  /// What was done by then, with steady work between two entries.
  double until(double time) const {
    const auto next =
        static_cast<size_t>(std::upper_bound(times_.begin(), times_.end(), time) - times_.begin());
    if (next == 0) return 0;
    if (next == times_.size()) return done_.back();
    const double part = (time - times_[next - 1]) / (times_[next] - times_[next - 1]);
    return done_[next - 1] + part * (done_[next] - done_[next - 1]);
  }

 private:
  std::vector<double> times_, done_;
};

/// GFLOP/s of `work`, which returns how many operations it did, on all threads: what they did
/// together in `window` seconds(), the best of all such windows of `duration`.
template <class F>
double best_window(double window, double duration, const F& work) {
  std::vector<Log> logs(static_cast<size_t>(num_threads()));
  parallel_for(num_threads(), [&](int64_t i) {
    Log& log = logs[static_cast<size_t>(i)];
    log.add(seconds(), 0);
    while (log.last() - log.first() < duration) {
      const double operations = work();
      log.add(seconds(), operations);
    }
  });
  double most = 0;
  for (const Log& some : logs)
    for (double start = some.first(); start + window <= some.last(); start += window / 10) {
      double done = 0;
      for (const Log& log : logs) done += log.until(start + window) - log.until(start);
      most = std::max(most, done);
    }
  return most / window * 1e-9;
}

constexpr int64_t triad_grain = 1 << 18;

}  // namespace

double wall_seconds() { return read(CLOCK_MONOTONIC); }

double seconds() { return num_threads() == 1 ? read(CLOCK_THREAD_CPUTIME_ID) : wall_seconds(); }

std::string processor() {
  const std::string value = value_after("/proc/cpuinfo", "model name\t: ");
  return value.empty() ? "unknown" : value;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

int64_t resident_bytes() { return status_bytes("VmRSS:"); }
int64_t peak_resident_bytes() { return status_bytes("VmHWM:"); }

double fma_peak(double window, double duration) {
  return best_window(window, duration, [] {
    alignas(64) float sink[64] = {0.5f, 1.0f};
    constexpr int rounds = 25'000;  // a twentieth of a millisecond
    return HWY_DYNAMIC_DISPATCH(multiply_add)(rounds, sink);
  });
}

double tile_peak(double window, double duration) {
  return best_window(window, duration, [] {
    alignas(64) static constinit thread_local float operands[tile_channels * 64] = {0.5f};
    alignas(64) float sink[64];
    constexpr int rounds = 50;  // a twentieth of a millisecond
    return HWY_DYNAMIC_DISPATCH(multiply_tile)(rounds, operands, sink);
  });
}

MainMemory::MainMemory() {
  const int64_t grains =
      2 * last_cache_bytes() / (triad_grain * static_cast<int64_t>(sizeof(float))) + 1;
  for (Tensor* x : {&a_, &b_, &c_}) *x = Tensor::full({grains * triad_grain}, 1, Dtype::f32);
}

double MainMemory::triad(Store store) {
  const float *b = b_.data<float>(), *c = c_.data<float>();
  float* a = a_.mutable_data<float>();
  const double start = seconds();
  parallel_range(a_.numel(), triad_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(triad)
    (end - begin, store == Store::non_temporal, b + begin, c + begin, a + begin);
  });
  return static_cast<double>(a_.bytes() + b_.bytes() + c_.bytes()) / (seconds() - start) * 1e-9;
}

}  // namespace pixelgrad::bench
#endif
