#include "layers/dropout.h"

#include "autograd/ops/dropout.h"
#include "layers/step_scope.h"

namespace pixelgrad {

Dropout::Dropout(Options options) : p_(options.p) {
  check<UsageError>(p_ >= 0 && p_ < 1, "[dropout] p is ", p_, ", expected 0 <= p < 1");
}

Tensor Dropout::forward(const Tensor& x) {
  return dropout(x, p_, training(), StepScope::key(stream_of(path())));
}

std::string Dropout::describe() const { return str("Dropout(", p_, ")"); }

}  // namespace pixelgrad
