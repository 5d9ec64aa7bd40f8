// Events: points in the work of a stream.
#include <chrono>
#include <map>
#include <memory>

#include "tests/cuda_emulator/device.h"
#include "tests/cuda_emulator/stream.h"

/// What cudaEvent_t points to.
struct CUevent_st {
  unsigned flags;
  bool recorded = false;
  emulator::Point point;
  std::chrono::steady_clock::time_point time;  // when the stream came there
  // Where it was last recorded in a captured stream:
  std::shared_ptr<emulator::Capture> capture;
  emulator::Progress progress;
};

namespace {

using emulator::call;

// For ever: destructors of others may still use events.
auto& events = *new std::map<cudaEvent_t, std::unique_ptr<CUevent_st>>;

/// Waiting for a point in recorded work is an error, and ends the capture.
cudaError_t check_waiting(cudaEvent_t event) {
  if (!events.contains(event)) return cudaErrorInvalidResourceHandle;
  if (!event->capture) return cudaSuccess;
  event->capture->valid = false;
  return cudaErrorCapturedEvent;
}

cudaError_t wait_for(cudaStream_t stream, CUevent_st& event) {
  auto capture = emulator::capture_of(stream);
  if (!event.capture) {
    if (!event.recorded) return cudaSuccess;
    if (!capture)
      return emulator::enqueue(stream, emulator::WorkKind::event,
                               [point = event.point] { emulator::reach(point); });
    capture->valid = false;
    return cudaErrorStreamCaptureIsolation;
  }
  if (emulator::is_legacy(stream)) {
    event.capture->valid = false;
    return cudaErrorStreamCaptureImplicit;
  }
  if (!capture) {
    emulator::set_capture(stream, event.capture);
    capture = event.capture;
  }
  if (capture != event.capture) {
    capture->valid = event.capture->valid = false;
    return cudaErrorStreamCaptureMerge;
  }
  if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
  emulator::Progress& mine = capture->progress[stream];
  for (const auto& [other, count] : event.progress) mine[other] = std::max(mine[other], count);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call([&] {
    if (event == nullptr || flags > (cudaEventBlockingSync | cudaEventDisableTiming))
      return cudaErrorInvalidValue;
    auto made = std::make_unique<CUevent_st>();
    made->flags = flags;
    *event = made.get();
    events.emplace(*event, std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call(
      [&] { return events.erase(event) == 0 ? cudaErrorInvalidResourceHandle : cudaSuccess; });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&] {
    if (!events.contains(event) || !emulator::is_stream(stream))
      return cudaErrorInvalidResourceHandle;
    if (emulator::is_legacy(stream))
      if (const cudaError_t error = emulator::check_waiting(stream)) return error;
    event->capture = emulator::capture_of(stream);
    if (event->capture) {
      if (!event->capture->valid) return cudaErrorStreamCaptureInvalidated;
      event->progress = event->capture->progress[stream];
    } else {
      event->recorded = true;
      const cudaError_t error = emulator::enqueue(stream, emulator::WorkKind::event, [event] {
        if (events.contains(event)) event->time = std::chrono::steady_clock::now();
      });
      if (error != cudaSuccess) return error;
      event->point = emulator::last_point(stream);
    }
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&] {
    if (const cudaError_t error = check_waiting(event)) return error;
    if (event->recorded) emulator::wait_for(event->point);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&] {
    if (const cudaError_t error = check_waiting(event)) return error;
    return emulator::reached(event->point) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return call([&] {
    if (flags != 0) return cudaErrorInvalidValue;
    if (!events.contains(event) || !emulator::is_stream(stream))
      return cudaErrorInvalidResourceHandle;
    return wait_for(stream, *event);
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call([&] {
    if (milliseconds == nullptr) return cudaErrorInvalidValue;
    for (const cudaEvent_t event : {start, end}) {
      if (const cudaError_t error = check_waiting(event)) return error;
      if (!event->recorded || (event->flags & cudaEventDisableTiming) != 0)
        return cudaErrorInvalidResourceHandle;
      if (!emulator::reached(event->point)) return cudaErrorNotReady;
    }
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return cudaSuccess;
  });
}
