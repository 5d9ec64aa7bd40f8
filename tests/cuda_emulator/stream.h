#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace emulator {

/// Something that a stream does: a kernel, a copy.
using Work = std::function<void()>;

/// What that is. Where a graph has a copy, another one's may replace it only if it has the same
/// direction.
enum class WorkKind {
  kernel,
  copy_to_device,
  copy_to_host,
  copy_on_device,
  copy_on_host,
  set,
  host_function,
  event,
  graph
};

}  // namespace emulator

/// What cudaGraphNode_t points to: a piece of work that was recorded.
struct CUgraphNode_st {
  emulator::WorkKind kind;
  cudaStream_t stream;
  emulator::Work work;
};

namespace emulator {

/// For each stream that takes part in a capture, how many pieces of its work come before.
using Progress = std::map<cudaStream_t, int>;

/// Work of streams that is recorded instead of done.
struct Capture {
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  cudaStream_t origin;
  bool valid = true;
  std::vector<CUgraphNode_st> work;
  std::map<cudaStream_t, Progress> progress;  // of the streams that take part
};

/// A point in the work of a stream: behind the first `position` pieces.
struct Point {
  cudaStream_t stream = nullptr;
  uint64_t position = 0;
};

/// Does work now, or later where the stream is late (control.h), or records it where the stream is
/// being captured. CUDA's error where capture forbids it, or where there is no such stream.
cudaError_t enqueue(cudaStream_t stream, WorkKind kind, Work work);

/// The point behind all that the stream was asked for.
Point last_point(cudaStream_t stream);
/// Whether the work before a point is done.
bool reached(const Point& point);
/// Does it.
void reach(const Point& point);
/// The host waits for a point: does the work, and counts the wait where it was for the last of it.
void wait_for(const Point& point);
/// The host waits for all streams.
void wait_for_device();
/// Counts what CUDA may make a wait for all that a stream was asked for, and does not do the work.
void count_wait();

/// For calls that wait for a stream: the error where that is captured, which ends the capture.
cudaError_t check_waiting(cudaStream_t stream);
/// The same for calls that wait for the device.
cudaError_t check_waiting_for_device();
/// For calls that CUDA names potentially unsafe, such as cudaMalloc: the error where a capture that
/// concerns this thread forbids them.
cudaError_t check_unsafe();

/// The capture that a stream takes part in, or null.
std::shared_ptr<Capture> capture_of(cudaStream_t stream);
/// Makes a stream part of a capture, or out of all where that is null.
void set_capture(cudaStream_t stream, std::shared_ptr<Capture> capture);
bool is_stream(cudaStream_t stream);
bool is_legacy(cudaStream_t stream);

}  // namespace emulator
