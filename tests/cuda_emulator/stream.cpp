#include "tests/cuda_emulator/stream.h"

#include <deque>
#include <memory>
#include <utility>

#include "tests/cuda_emulator/device.h"

/// What cudaStream_t points to.
struct CUstream_st {
  unsigned flags;
  std::shared_ptr<emulator::Capture> capture;
  bool late = false;
  std::deque<emulator::Work> pending;  // what was asked and is not done
  uint64_t asked = 0, done = 0;        // pieces of work
};

namespace emulator {
namespace {

// For ever: destructors of others may still use streams.
auto& streams = *new std::map<cudaStream_t, std::unique_ptr<CUstream_st>>;
thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;
int64_t waits = 0;

/// Ends the captures that `concerns` picks; the error where there was one, or success.
template <class F>
cudaError_t invalidate(cudaError_t error, F&& concerns) {
  bool found = false;
  for (const auto& [handle, stream] : streams)
    if (stream->capture && concerns(*stream)) stream->capture->valid = false, found = true;
  return found ? error : cudaSuccess;
}

cudaError_t check_legacy() {
  return invalidate(cudaErrorStreamCaptureImplicit, [](const CUstream_st& stream) {
    return (stream.flags & cudaStreamNonBlocking) == 0;
  });
}

}  // namespace

bool is_legacy(cudaStream_t stream) { return stream == nullptr || stream == cudaStreamLegacy; }

bool is_stream(cudaStream_t stream) {
  return is_legacy(stream) || stream == cudaStreamPerThread || streams.contains(stream);
}

std::shared_ptr<Capture> capture_of(cudaStream_t stream) {
  const auto found = streams.find(stream);
  return found == streams.end() ? nullptr : found->second->capture;
}

void set_capture(cudaStream_t stream, std::shared_ptr<Capture> capture) {
  streams.at(stream)->capture = std::move(capture);
}

cudaError_t enqueue(cudaStream_t stream, WorkKind kind, Work work) {
  if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
  if (const auto capture = capture_of(stream)) {
    if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
    capture->work.push_back({kind, stream, std::move(work)});
    ++capture->progress[stream][stream];
    return cudaSuccess;
  }
  if (is_legacy(stream)) {
    if (const cudaError_t error = check_legacy()) return error;
    for (const auto& [other, state] : streams)
      if ((state->flags & cudaStreamNonBlocking) == 0) reach(last_point(other));
  }
  const auto found = streams.find(stream);
  if (found != streams.end()) {
    CUstream_st& state = *found->second;
    ++state.asked;
    if (state.late) return state.pending.push_back(std::move(work)), cudaSuccess;
    ++state.done;
  }
  work();
  return cudaSuccess;
}

Point last_point(cudaStream_t stream) {
  const auto found = streams.find(stream);
  return {stream, found == streams.end() ? 0 : found->second->asked};
}

bool reached(const Point& point) {
  const auto found = streams.find(point.stream);
  return found == streams.end() || found->second->done >= point.position;
}

void reach(const Point& point) {
  while (!reached(point)) {
    CUstream_st& state = *point.stream;
    const Work work = std::move(state.pending.front());
    state.pending.pop_front();
    ++state.done;
    work();
  }
}

void wait_for(const Point& point) {
  if (point.position == last_point(point.stream).position) count_wait();
  reach(point);
}

void wait_for_device() {
  count_wait();
  for (const auto& [stream, state] : streams) reach(last_point(stream));
}

void count_wait() { ++waits; }

int64_t host_waits() {
  const std::lock_guard lock(device_mutex());
  return waits;
}

void set_late(cudaStream_t stream, bool late) {
  const std::lock_guard lock(device_mutex());
  reach(last_point(stream));
  streams.at(stream)->late = late;
}

cudaError_t check_waiting(cudaStream_t stream) {
  if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
  if (is_legacy(stream)) return check_legacy();
  const auto capture = capture_of(stream);
  if (!capture) return cudaSuccess;
  capture->valid = false;
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t check_waiting_for_device() {
  return invalidate(cudaErrorStreamCaptureUnsupported, [](const CUstream_st&) { return true; });
}

// As the documentation of cudaThreadExchangeStreamCaptureMode has it.
cudaError_t check_unsafe() {
  if (thread_mode == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  return invalidate(cudaErrorStreamCaptureUnsupported, [](const CUstream_st& stream) {
    const Capture& capture = *stream.capture;
    if (capture.thread == std::this_thread::get_id())
      return capture.mode != cudaStreamCaptureModeRelaxed;
    return thread_mode == cudaStreamCaptureModeGlobal &&
           capture.mode == cudaStreamCaptureModeGlobal;
  });
}

}  // namespace emulator

using emulator::call;

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call([&] {
    if (stream == nullptr || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
    auto made = std::make_unique<CUstream_st>();
    made->flags = flags;
    *stream = made.get();
    emulator::streams.emplace(*stream, std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call([&] {
    if (const auto capture = emulator::capture_of(stream)) capture->valid = false;
    emulator::reach(emulator::last_point(stream));
    return emulator::streams.erase(stream) == 0 ? cudaErrorInvalidResourceHandle : cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call([&] {
    if (const cudaError_t error = emulator::check_waiting(stream)) return error;
    emulator::wait_for(emulator::last_point(stream));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call([&] {
    if (const cudaError_t error = emulator::check_waiting(stream)) return error;
    return emulator::reached(emulator::last_point(stream)) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call([] {
    if (const cudaError_t error = emulator::check_waiting_for_device()) return error;
    emulator::wait_for_device();
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return call([&] {
    if (function == nullptr) return cudaErrorInvalidValue;
    return emulator::enqueue(stream, emulator::WorkKind::host_function,
                             [function, data] { function(data); });
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return call([&] {
    if (mode == nullptr || *mode < cudaStreamCaptureModeGlobal ||
        *mode > cudaStreamCaptureModeRelaxed)
      return cudaErrorInvalidValue;
    *mode = std::exchange(emulator::thread_mode, *mode);
    return cudaSuccess;
  });
}
