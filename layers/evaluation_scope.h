#pragma once
#include "layers/module.h"

namespace pixelgrad {

/// Puts a model into evaluation mode, and back at the end of the scope.
class EvaluationScope {
 public:
  explicit EvaluationScope(Module& model) : model_(model), was_training_(model.training()) {
    model.eval();
  }
  ~EvaluationScope() { model_.train(was_training_); }
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;

 private:
  Module& model_;
  bool was_training_;
};

}  // namespace pixelgrad
