#pragma once
#include <functional>
#include <memory>
#include <string>

#include "tensor/device.h"

namespace pixelgrad::bench {

/// What figures of a device are held against, measured while the figures are taken, and the clock
/// that both are timed by.
class Yardstick {
 public:
  virtual ~Yardstick() = default;

  /// "Intel Xeon, 2 threads"
  virtual std::string device() const = 0;
  virtual std::string compute_name() const = 0;  ///< "FMA peak"
  virtual std::string memory_name() const = 0;   ///< "triad"

  /// GFLOP/s that the device reaches for about so many seconds.
  virtual double compute_peak(double window) = 0;
  /// The same of a convolution's inner loop, alone; 0 where that is not known.
  virtual double loop_peak(double /*window*/) { return 0; }
  /// GB/s of long arrays.
  virtual double memory_peak() = 0;

  /// Seconds of one call after the caches have lost what it reads, or `warm`, after another call.
  virtual double time(const std::function<void()>& call, bool warm) = 0;

  /// Waits for what was asked of the device.
  virtual void wait() {}
  /// Bytes of memory held now, and at most so far.
  virtual int64_t bytes() = 0;
  virtual int64_t peak_bytes() = 0;
};

/// Throws Error where there is no such device.
std::unique_ptr<Yardstick> make_yardstick(Device device);
/// That of a GPU, of builds that have the CUDA backend.
std::unique_ptr<Yardstick> make_cuda_yardstick();

}  // namespace pixelgrad::bench
