#pragma once
#include <cstdint>
#include <vector>

// Separable resampling: every output is a weighted sum of inputs, and the weights are products of
// one for the row and one for the column. Bicubic interpolation is one, and so is the backward of
// every interpolation and of padding, with the roles of outputs and inputs exchanged: an input
// gathers from the outputs that read it, so there is nothing to race for.
namespace pixelgrad::cpu {

/// What each output coordinate of an axis reads: those of output o stand at [first[o], first[o +
/// 1]).
struct AxisTaps {
  struct Tap {
    int64_t in;
    double weight;
  };
  std::vector<int64_t> first{0};
  std::vector<Tap> taps;

  int64_t outputs() const { return static_cast<int64_t>(first.size()) - 1; }
  void add(int64_t in, double weight) { taps.push_back({in, weight}); }
  /// The taps added since belong to the next output.
  void end_output() { first.push_back(static_cast<int64_t>(taps.size())); }
};

/// The same weights seen from the inputs: what input i of `inputs` was read by.
AxisTaps transposed(const AxisTaps& axis, int64_t inputs);

/// to[n, rows.outputs(), cols.outputs(), channels] = sums over from [n, in_h, in_w, channels]:
/// rows first, then columns, each in the order of the taps.
template <class T>
void resample(int64_t n, int64_t in_h, int64_t in_w, int64_t channels, const AxisTaps& rows,
              const AxisTaps& cols, const T* from, T* to);

}  // namespace pixelgrad::cpu
