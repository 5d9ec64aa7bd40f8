#include "tensor/cuda/graph.h"

#include <atomic>
#include <memory>
#include <type_traits>

#include "tensor/check.h"
#include "tensor/cuda/runtime.h"
#include "tensor/poison_internal.h"

namespace pixelgrad::cuda {
namespace {

constexpr const char* op = "graph";

/// New executables cost more than launching kernels one by one: after so many in a row, no more.
constexpr int most_refused = 4;

/// The one that the stream records for.
std::atomic<Graph*> recording = nullptr;

struct Destroy {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
};
using OwnedGraph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, Destroy>;

}  // namespace

Graph::~Graph() {
  if (!executable_ && retired_.empty()) return;
  try {
    synchronize(op);
  } catch (const Error&) {
    // A kernel failed, and who asked for it is told elsewhere.
  }
  if (executable_) cudaGraphExecDestroy(executable_);
}

bool Graph::begin() {
  if (recording || refused_ >= most_refused) return false;
  // Relaxed: the cache may ask for memory meanwhile.
  if (cudaStreamBeginCapture(stream(), cudaStreamCaptureModeRelaxed) != cudaSuccess) {
    cudaGetLastError();  // if the device failed, the next kernel says so and names its op
    return false;
  }
  recording = this;
  // Kernels that are not launched yet use blocks that the host frees, rightly.
  blocks_were_marked_ = poison_device_memory.exchange(false);
  return true;
}

void Graph::end() {
  if (recording == this) launch();
}

void Graph::launch() {
  recording = nullptr;
  poison_device_memory = blocks_were_marked_;
  cudaGraph_t captured = nullptr;
  check_status(cudaStreamEndCapture(stream(), &captured), op);
  const OwnedGraph graph(captured);
  size_t nodes = 0;
  check_status(cudaGraphGetNodes(captured, nullptr, &nodes), op);
  if (nodes == 0) return;
  if (!update(captured)) instantiate(captured);
  check_status(cudaGraphLaunch(executable_, stream()), op);
}

bool Graph::update(cudaGraph_t graph) {
  if (!executable_) return false;
  cudaGraphExecUpdateResultInfo info = {};
  if (cudaGraphExecUpdate(executable_, graph, &info) == cudaSuccess) {
    refused_ = 0;
    return true;
  }
  cudaGetLastError();  // so that the next call does not report it again
  ++refused_;
  retire();
  return false;
}

void Graph::instantiate(cudaGraph_t graph) {
  const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
  if (status == cudaSuccess) return;
  executable_ = nullptr;
  if (status != cudaErrorMemoryAllocation) check_status(status, op);
  cudaGetLastError();
  throw OutOfMemoryError("[graph] no memory on cuda for a graph of the step");
}

/// CUDA does not say what becomes of a launch whose executable is destroyed before it is done.
void Graph::retire() {
  retired_.emplace_back(executable_).done.record(stream());
  executable_ = nullptr;
  while (!retired_.empty() && retired_.front().done.reached(op)) retired_.pop_front();
}

void launch_captured() {
  if (Graph* const graph = recording) graph->launch();
}

}  // namespace pixelgrad::cuda
