#include "tensor/step_graph.h"

#include "tensor/check.h"
#ifdef PIXELGRAD_CUDA
#include "tensor/cuda/graph.h"
#endif

namespace pixelgrad {

#ifdef PIXELGRAD_CUDA
struct StepGraph::Launcher {
  cuda::Graph graph;
  int calls_before = 2;  // of steps that no graph is made of

  void run(const std::function<void()>& step) {
    if (calls_before > 0) {
      --calls_before;
      return step();
    }
    if (!graph.begin()) return step();
    try {
      step();
    } catch (...) {
      try {
        graph.end();
      } catch (const std::exception&) {
        // What went wrong first is what matters.
      }
      throw;
    }
    graph.end();
  }
};
#else
struct StepGraph::Launcher {
  void run(const std::function<void()>& step) { step(); }
};
#endif

StepGraph::StepGraph(Device device, bool on) {
  if (device == Device::cpu || !on) return;
  check(has_cuda, "[step_graph] this build has no ", device, " backend");
  launcher_ = std::make_unique<Launcher>();
}
StepGraph::~StepGraph() = default;

void StepGraph::run(const std::function<void()>& step) {
  if (launcher_)
    launcher_->run(step);
  else
    step();
}

}  // namespace pixelgrad
