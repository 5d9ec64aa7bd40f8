#pragma once
#include <algorithm>
#include <cstdint>

#include "tensor/kernels/conv2d.h"

// What conv2d.cu hands to the kernels of the convolution.
namespace pixelgrad::cuda {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Forward or input gradient, the same computation with x and dy, inputs and outputs exchanged.
template <class T>
struct TapProblem {
  static constexpr int most_inputs = 16;
  kernels::Conv2dGeometry g;                    ///< in_channels: of these inputs together
  kernels::Conv2dInput<T> inputs[most_inputs];  ///< what is read: x, or dy alone
  int input_count;
  const T* weight;
  int64_t weight_row;        ///< values from one tap of the weight to the next
  const compute_t<T>* bias;  ///< of what is written, or null
  bool add;                  ///< to what y holds
  T* y;                      ///< what is written: y, or dx
};

// Multiplicands of type float are rounded to P: only f32 on a GPU without tensor cores. Those that
// are bf16, weights too, are multiplied as they are, by tensor cores.

/// y = forward of its inputs.
template <kernels::Precision P, class T>
void run_forward(const TapProblem<T>& problem);
/// y = the input gradient of inputs[0].
template <kernels::Precision P, class T>
void run_input_gradient(const TapProblem<T>& problem);

template <kernels::Precision P, class T>
void run_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy,
                         compute_t<T>* dweight);

/// The same three where every channel is a group of its own. They round weights to T.
template <class T>
void depthwise_forward(const kernels::Conv2dGeometry& g, const T* x, const compute_t<T>* weight,
                       const compute_t<T>* bias, T* y);
template <class T>
void depthwise_input_gradient(const kernels::Conv2dGeometry& g, const T* dy,
                              const compute_t<T>* weight, const compute_t<T>* bias, T* dx);
template <class T>
void depthwise_weight_gradient(const kernels::Conv2dGeometry& g, const T* x, const T* dy,
                               compute_t<T>* dweight);

/// Into how many parts long sums are cut, so that a few tiles still keep a GPU busy. It depends on
/// the shape alone, not on the GPU, so results do not either. A part keeps `least` terms or more.
inline int64_t parts_of_sums(int64_t tiles, int64_t terms, int64_t least) {
  constexpr int64_t busy = 256;  // blocks
  return std::clamp<int64_t>(terms / least, 1, ceil_div(busy, tiles));
}

/// Sums in parts: y[i / columns * y_row + i % columns] = sum over parts of partial[part, i], in
/// their order and in f64, + bias[i % columns], + the old y where `add`. n is a part's size.
template <class T>
struct PartialSums2d {
  int64_t n, parts;
  const compute_t<T>* partial;
  int64_t columns, y_row;
  const compute_t<T>* bias;
  bool add;
  T* y;
};
template <class T>
void add_parts(const PartialSums2d<T>& sums);

/// Whether values at p may be loaded V at a time.
template <int V, class T>
bool is_aligned(const T* p) {
  return reinterpret_cast<uintptr_t>(p) % (V * sizeof(T)) == 0;
}

}  // namespace pixelgrad::cuda
