#include "layers/dropout.h"

#include "autograd/ops/dropout.h"
#include "layers/step_scope.h"

namespace pixelgrad {
namespace {

double checked(const char* layer, double p) {
  check<UsageError>(p >= 0 && p < 1, "[", layer, "] p is ", p, ", expected 0 <= p < 1");
  return p;
}

}  // namespace

Dropout::Dropout(Options options) : p_(checked("dropout", options.p)) {}

Tensor Dropout::forward(const Tensor& x) {
  return dropout(x, p_, training(), StepScope::key(stream_of(path())));
}

std::string Dropout::describe() const { return str("Dropout(", p_, ")"); }

Dropout2d::Dropout2d(Options options) : p_(checked("dropout2d", options.p)) {}

Tensor Dropout2d::forward(const Tensor& x) {
  return dropout2d(x, p_, training(), StepScope::key(stream_of(path())));
}

std::string Dropout2d::describe() const { return str("Dropout2d(", p_, ")"); }

}  // namespace pixelgrad
