// Stream capture, and graphs of the recorded work. The work of a graph is done in the order in
// which it was recorded, which is one that its dependencies allow.
#include <emulator/control.h>

#include <algorithm>
#include <map>
#include <memory>

#include "tests/cuda_emulator/device.h"
#include "tests/cuda_emulator/stream.h"

/// What cudaGraph_t points to.
struct CUgraph_st {
  std::shared_ptr<const std::vector<CUgraphNode_st>> nodes;
};
/// What cudaGraphExec_t points to. Launches share the nodes, and so keep those that they found.
struct CUgraphExec_st {
  std::shared_ptr<const std::vector<CUgraphNode_st>> nodes;
};

namespace {

using emulator::call;
using emulator::Capture;
using emulator::WorkKind;

// For ever: destructors of others may still use graphs.
auto& graphs = *new std::map<cudaGraph_t, std::unique_ptr<CUgraph_st>>;
auto& executables = *new std::map<cudaGraphExec_t, std::unique_ptr<CUgraphExec_st>>;
emulator::GraphCounts counts;

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

bool is_copy(WorkKind kind) {
  return kind >= WorkKind::copy_to_device && kind <= WorkKind::copy_on_host;
}

/// Whether all of a graph was asked of one stream, and thus is a chain.
bool is_chain(const std::vector<CUgraphNode_st>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [&](const CUgraphNode_st& node) {
    return node.stream == nodes.front().stream;
  });
}

/// Whether, and why not, `after` may take the place of `before` in an executable graph.
cudaGraphExecUpdateResultInfo compare(const std::vector<CUgraphNode_st>& before,
                                      const std::vector<CUgraphNode_st>& after) {
  // Which node of one is which of the other is known of chains alone.
  if (!is_chain(before) || !is_chain(after))
    return {cudaGraphExecUpdateErrorNotSupported, nullptr, nullptr};
  if (before.size() != after.size())
    return {cudaGraphExecUpdateErrorTopologyChanged, nullptr, nullptr};
  for (size_t i = 0; i < after.size(); ++i) {
    const WorkKind a = before[i].kind, b = after[i].kind;
    if (a != b)
      return {is_copy(a) && is_copy(b) ? cudaGraphExecUpdateErrorParametersChanged
                                       : cudaGraphExecUpdateErrorNodeTypeChanged,
              const_cast<cudaGraphNode_t>(&after[i]), nullptr};
  }
  return {cudaGraphExecUpdateSuccess, nullptr, nullptr};
}

}  // namespace

emulator::GraphCounts emulator::graph_counts() {
  const std::lock_guard lock(device_mutex());
  GraphCounts now = counts;
  now.executables = static_cast<int64_t>(executables.size());
  return now;
}

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
    made->nodes = std::make_shared<const std::vector<CUgraphNode_st>>(std::move(capture->work));
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
    auto made = std::make_unique<CUgraphExec_st>(CUgraphExec_st{graph->nodes});
    *executable = made.get();
    executables.emplace(*executable, std::move(made));
    ++counts.instantiations;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph,
                                cudaGraphExecUpdateResultInfo* info) {
  return call([&] {
    if (info == nullptr || !executables.contains(executable) || !graphs.contains(graph))
      return cudaErrorInvalidValue;
    *info = compare(*executable->nodes, *graph->nodes);
    if (info->result != cudaGraphExecUpdateSuccess) {
      ++counts.refused_updates;
      return cudaErrorGraphExecUpdateFailure;
    }
    executable->nodes = graph->nodes;
    ++counts.updates;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return call([&] {
    if (count == nullptr || !graphs.contains(graph)) return cudaErrorInvalidValue;
    const std::vector<CUgraphNode_st>& all = *graph->nodes;
    for (size_t i = 0; nodes && i < *count; ++i)
      nodes[i] = i < all.size() ? const_cast<cudaGraphNode_t>(&all[i]) : nullptr;
    *count = nodes ? std::min(*count, all.size()) : all.size();
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
    const cudaError_t error =
        emulator::enqueue(stream, WorkKind::graph, [nodes = executable->nodes] {
          for (const CUgraphNode_st& node : *nodes) node.work();
        });
    if (error == cudaSuccess) ++counts.launches;
    return error;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call([&] { return graphs.erase(graph) == 0 ? cudaErrorInvalidValue : cudaSuccess; });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call(
      [&] { return executables.erase(executable) == 0 ? cudaErrorInvalidValue : cudaSuccess; });
}
