#include "bench/yardstick.h"

#include <algorithm>

#include "bench/machine.h"
#include "tensor/check.h"
#include "tensor/parallel.h"

namespace pixelgrad::bench {
namespace {

class CpuYardstick final : public Yardstick {
 public:
  std::string device() const override {
    return str(processor(), ", ", num_threads(), num_threads() == 1 ? " thread" : " threads");
  }
  std::string compute_name() const override { return "FMA peak"; }
  std::string memory_name() const override {
    return str("triad of 3 arrays (", static_cast<int>(non_temporal_ + 0.5),
               " GB/s with non-temporal stores)");
  }

  double compute_peak(double window) override { return fma_peak(window, 1.1 * window + 1e-3); }

  double loop_peak(double window) override { return tile_peak(window, 1.1 * window + 1e-3); }

  double memory_peak() override {
    if (!memory_) memory_ = std::make_unique<MainMemory>();
    if (non_temporal_ == 0) non_temporal_ = memory_->triad(Store::non_temporal);
    return memory_->triad();
  }

  /// The triad, which comes before, leaves nothing of the call's in the caches: in training, what a
  /// layer reads was last touched some hundred MB ago.
  double time(const std::function<void()>& call, bool warm) override {
    if (warm) call();
    const double start = seconds();
    call();
    return seconds() - start;
  }

  int64_t bytes() override { return resident_bytes(); }
  int64_t peak_bytes() override { return peak_resident_bytes(); }

 private:
  std::unique_ptr<MainMemory> memory_;  // large, and not every program asks for it
  double non_temporal_ = 0;
};

}  // namespace

std::unique_ptr<Yardstick> make_yardstick(Device device) {
#ifdef PIXELGRAD_CUDA
  if (device == Device::cuda) return make_cuda_yardstick();
#endif
  check(device == Device::cpu, "[bench] this build has no CUDA backend");
  return std::make_unique<CpuYardstick>();
}

}  // namespace pixelgrad::bench
