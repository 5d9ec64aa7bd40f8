#include "bench/ladder/measure.h"

#include <algorithm>
#include <limits>

#include "bench/machine.h"
#include "tensor/parallel.h"

namespace pixelgrad::ladder {

std::vector<Speed> measure(const Layer& layer, int rounds) {
  const int all = num_threads();
  std::vector<Speed> speeds;
  for (const Rung& rung : rungs()) speeds.push_back({rung.all_threads ? all : 1, 0, 0});
  double peak_of_one = 0, peak_of_all = 0;
  for (int round = 0; round < rounds; ++round)
    for (size_t i = 0; i < speeds.size(); ++i) {
      set_num_threads(speeds[i].threads);
      double& peak = speeds[i].threads == 1 ? peak_of_one : peak_of_all;
      peak = std::max(peak, bench::fma_peak());
      double total = 0, fastest = std::numeric_limits<double>::infinity();
      do {
        const double start = bench::seconds();
        rungs()[i](layer);
        const double time = bench::seconds() - start;
        total += time;
        fastest = std::min(fastest, time);
      } while (total < 0.03);
      speeds[i].gflops = std::max(speeds[i].gflops, layer.flops() / fastest * 1e-9);
    }
  set_num_threads(all);
  for (Speed& speed : speeds) speed.peak = speed.threads == 1 ? peak_of_one : peak_of_all;
  return speeds;
}

}  // namespace pixelgrad::ladder
