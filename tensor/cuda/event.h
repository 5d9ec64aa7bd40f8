#pragma once
#include <cuda_runtime.h>

#include <string_view>

namespace pixelgrad::cuda {

/// A point in the work of a stream; before the first record(), one that has passed.
class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(cudaStream_t stream);         ///< behind all that the stream was asked for
  void hold(cudaStream_t stream) const;     ///< what it is asked for from now on comes after
  bool reached(std::string_view op) const;  ///< without waiting; throws as synchronize()
  void wait(std::string_view op) const;     ///< the host waits; throws as synchronize()

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace pixelgrad::cuda
