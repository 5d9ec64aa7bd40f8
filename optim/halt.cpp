#include "optim/halt.h"

#include "tensor/dispatch.h"
#include "tensor/kernels/optim.h"

namespace pixelgrad {

void halt_unless_finite(Tensor& halted, const Tensor& loss, const Tensor& norm) {
  for (const Tensor& t : {halted, loss, norm})
    check(t.numel() == 1 && t.device() == loss.device(), "[halt_unless_finite] a tensor ",
          t.shape(), " on ", t.device(), ", expected one element on ", loss.device());
  dispatch(loss, [&]<Device D, class T>() {
    kernels::halt_unless_finite<D, T>(loss.data<T>(), norm.data<double>(),
                                      halted.mutable_data<int32_t>());
  });
}

}  // namespace pixelgrad
