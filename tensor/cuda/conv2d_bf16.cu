#include "tensor/cuda/conv2d_taps.h"
#include "tensor/cuda/conv2d_tensor_core_tile.h"
#include "tensor/cuda/conv2d_weight_gradient.h"

namespace pixelgrad::cuda {

using enum kernels::Precision;
template void run_forward<bf16>(const TapProblem<float>&);
template void run_input_gradient<bf16>(const TapProblem<float>&);
template void run_weight_gradient<bf16>(const kernels::Conv2dGeometry&, const float*, const float*,
                                        float*);

}  // namespace pixelgrad::cuda
