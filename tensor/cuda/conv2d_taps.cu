#include "tensor/cuda/conv2d_taps.h"

namespace pixelgrad::cuda {

using enum kernels::Precision;
template void run_forward<f32>(const TapProblem<float>&);
template void run_forward<f32>(const TapProblem<double>&);
template void run_input_gradient<f32>(const TapProblem<float>&);
template void run_input_gradient<f32>(const TapProblem<double>&);

}  // namespace pixelgrad::cuda
