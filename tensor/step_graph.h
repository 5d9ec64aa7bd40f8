#pragma once
#include <functional>
#include <memory>

#include "tensor/device.h"

namespace pixelgrad {

/// Asks a device for a training step as a whole instead of kernel by kernel:
///
///   StepGraph graph(device);
///   for (...) {
///     const Tensor images = uploads.upload(batch.images);
///     graph.run([&] { ... });  // forward, backward and optimizer
///     uploads.end_step();
///   }
///
/// The function is called in every step, and what it asks for is the step: learning rates, shapes
/// and what it computes may change at any time. The results have the same bits as without. On CUDA
/// what a function asked for is launched as one graph when it returns; it pays where the steps have
/// the same kernels in the same order, and a StepGraph stops making graphs where that is rare.
///
/// Where the function waits for the device, asks for a copy from or to the host, or finds no
/// memory, what it has asked for so far is launched, and the rest of that step kernel by kernel.
class StepGraph {
 public:
  /// Where it is not `on`, and on a CPU, run() only calls the function.
  explicit StepGraph(Device device, bool on = true);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  /// The first two calls only call the function, so that what is made once is made outside a graph.
  /// While it runs no other thread may use the device. Throws what the function throws; what that
  /// had asked for is done, as without a graph. Throws Error where CUDA refuses the graph.
  void run(const std::function<void()>& step);

 private:
  struct Launcher;
  std::unique_ptr<Launcher> launcher_;  // null where run() only calls
};

}  // namespace pixelgrad
