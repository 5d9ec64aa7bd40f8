#pragma once
#include <cuda_runtime.h>

#include <deque>

#include "tensor/cuda/event.h"

namespace pixelgrad::cuda {

/// What the stream is asked for between begin() and end() is recorded, and then launched at once,
/// as one graph. The driver's executable form of it is made once; later graphs of the same
/// structure only bring it new arguments. Where the structure changes again and again that does not
/// pay, and nothing is recorded any more. For one thread, while which no other may use the device.
class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// From now on the stream records. False, and the stream does as always, where it records already
  /// or graphs do not pay.
  bool begin();
  /// Launches what was recorded, unless launch_captured() has. Throws Error, and OutOfMemoryError
  /// where the driver found no memory for a new executable; what was recorded is then lost.
  void end();

 private:
  friend void launch_captured();

  void launch();
  bool update(cudaGraph_t graph);
  void instantiate(cudaGraph_t graph);
  void retire();

  /// An executable that was replaced, until its last launch is done.
  struct Retired {
    explicit Retired(cudaGraphExec_t e) : executable(e) {}
    ~Retired() { cudaGraphExecDestroy(executable); }
    cudaGraphExec_t executable;
    Event done;
  };

  cudaGraphExec_t executable_ = nullptr;
  int refused_ = 0;  ///< graphs in a row that the executable could not be updated to
  std::deque<Retired> retired_;
  bool blocks_were_marked_ = true;
};

/// Where the stream records: launches what it has so far, and the rest of that graph is asked for
/// as always. It comes before whatever CUDA forbids while a stream records, and before memory is
/// taken from kernels that are not launched yet: the host waits, an event is recorded or waited
/// for, host memory is read or written, device memory goes back to the system.
void launch_captured();

}  // namespace pixelgrad::cuda
