#include "tensor/cuda/conv2d_weight_gradient.h"

namespace pixelgrad::cuda {

using enum kernels::Precision;
template void run_weight_gradient<f32>(const kernels::Conv2dGeometry&, const float*, const float*,
                                       float*);
template void run_weight_gradient<f32>(const kernels::Conv2dGeometry&, const double*, const double*,
                                       double*);

}  // namespace pixelgrad::cuda
