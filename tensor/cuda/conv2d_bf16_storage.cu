#include "tensor/cuda/conv2d_taps.h"
#include "tensor/cuda/conv2d_tensor_core_tile.h"
#include "tensor/cuda/conv2d_weight_gradient.h"

// conv2d_bf16.cu rounds floats to bfloat16; here they are stored as that.
namespace pixelgrad::cuda {

constexpr auto P = kernels::Precision::bf16;
template void run_forward<P>(const TapProblem<bf16>&);
template void run_input_gradient<P>(const TapProblem<bf16>&);
template void run_weight_gradient<P>(const kernels::Conv2dGeometry&, const bf16*, const bf16*,
                                     float*);

}  // namespace pixelgrad::cuda
