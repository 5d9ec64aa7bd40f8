// Stream capture, and graphs of the recorded work. The work of a graph is done in the order in
// which it was recorded, which is one that its dependencies allow.
#include <map>
#include <memory>

#include "tests/cuda_emulator/device.h"
#include "tests/cuda_emulator/stream.h"

/// What cudaGraph_t points to.
struct CUgraph_st {
  std::shared_ptr<const std::vector<emulator::Work>> work;
};
/// What cudaGraphExec_t points to.
struct CUgraphExec_st {
  std::shared_ptr<const std::vector<emulator::Work>> work;
};

namespace {

using emulator::call;
using emulator::Capture;

// For ever: destructors of others may still use graphs.
auto& graphs = *new std::map<cudaGraph_t, std::unique_ptr<CUgraph_st>>;
auto& executables = *new std::map<cudaGraphExec_t, std::unique_ptr<CUgraphExec_st>>;

/// Whether the origin waits, directly or not, for the last work of all streams that take part.
bool joined(Capture& capture) {
  const emulator::Progress seen = capture.progress[capture.origin];
  for (const auto& [stream, progress] : capture.progress) {
    const auto done = progress.find(stream), known = seen.find(stream);
    if (done != progress.end() && (known == seen.end() || known->second < done->second))
      return false;
  }
  return true;
}

}  // namespace

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return call([&] {
    if (emulator::is_legacy(stream) || stream == cudaStreamPerThread)
      return cudaErrorStreamCaptureUnsupported;
    if (!emulator::is_stream(stream)) return cudaErrorInvalidResourceHandle;
    if (mode < cudaStreamCaptureModeGlobal || mode > cudaStreamCaptureModeRelaxed)
      return cudaErrorInvalidValue;
    if (emulator::capture_of(stream)) return cudaErrorIllegalState;
    auto capture = std::make_shared<Capture>();
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->origin = stream;
    capture->progress[stream];
    emulator::set_capture(stream, std::move(capture));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call([&] {
    if (graph == nullptr) return cudaErrorInvalidValue;
    *graph = nullptr;
    const auto capture = emulator::capture_of(stream);
    if (!capture) return cudaErrorIllegalState;
    if (capture->origin != stream) {
      capture->valid = false;
      return cudaErrorStreamCaptureUnmatched;
    }
    if (capture->mode != cudaStreamCaptureModeRelaxed &&
        capture->thread != std::this_thread::get_id())
      return cudaErrorStreamCaptureWrongThread;
    for (const auto& [member, progress] : capture->progress)
      if (emulator::capture_of(member) == capture) emulator::set_capture(member, nullptr);
    if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
    if (!joined(*capture)) return cudaErrorStreamCaptureUnjoined;
    auto made = std::make_unique<CUgraph_st>();
    made->work = std::make_shared<const std::vector<emulator::Work>>(std::move(capture->work));
    *graph = made.get();
    graphs.emplace(*graph, std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return call([&] {
    if (status == nullptr) return cudaErrorInvalidValue;
    if (!emulator::is_stream(stream)) return cudaErrorInvalidResourceHandle;
    const auto capture = emulator::capture_of(stream);
    *status = !capture         ? cudaStreamCaptureStatusNone
              : capture->valid ? cudaStreamCaptureStatusActive
                               : cudaStreamCaptureStatusInvalidated;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long flags) {
  return call([&] {
    if (executable == nullptr || flags != 0 || !graphs.contains(graph))
      return cudaErrorInvalidValue;
    auto made = std::make_unique<CUgraphExec_st>(CUgraphExec_st{graph->work});
    *executable = made.get();
    executables.emplace(*executable, std::move(made));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&] {
    const bool known = executables.contains(executable) && emulator::is_stream(stream);
    return known ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&] {
    if (!executables.contains(executable)) return cudaErrorInvalidValue;
    return emulator::enqueue(stream, [work = executable->work] {
      for (const emulator::Work& piece : *work) piece();
    });
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call([&] { return graphs.erase(graph) == 0 ? cudaErrorInvalidValue : cudaSuccess; });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call(
      [&] { return executables.erase(executable) == 0 ? cudaErrorInvalidValue : cudaSuccess; });
}
