#include "tensor/cuda/event.h"

#include "tensor/cuda/graph.h"
#include "tensor/cuda/runtime.h"

namespace pixelgrad::cuda {

Event::Event() {
  stream();  // opens the device, or says that there is none
  check_status(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event");
}
Event::~Event() { cudaEventDestroy(event_); }

// An event in a graph is none for the host, and a graph does not wait for events outside of it.
void Event::record(cudaStream_t stream) {
  if (stream == cuda::stream()) launch_captured();
  check_status(cudaEventRecord(event_, stream), "event");
}

void Event::hold(cudaStream_t stream) const {
  if (stream == cuda::stream()) launch_captured();
  check_status(cudaStreamWaitEvent(stream, event_, 0), "event");
}

bool Event::reached(std::string_view op) const {
  const cudaError_t status = cudaEventQuery(event_);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // so that the next call does not report it
    return false;
  }
  check_status(status, op);
  return true;
}

void Event::wait(std::string_view op) const { check_status(cudaEventSynchronize(event_), op); }

}  // namespace pixelgrad::cuda
