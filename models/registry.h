#pragma once
#include <memory>

#include "models/model.h"

namespace pixelgrad {

/// Builds the model that `config` names, with the defaults of options left out. First values come
/// from the InitScope around the call. Throws UsageError that names an unknown model, option or
/// value and lists the valid ones.
std::unique_ptr<SegmentationModel> make_model(const ModelConfig& config);

/// What there is to know about a model. Throws UsageError that lists the names, as make_model does.
const ModelInfo& model_info(const std::string& name);

/// Every kind of model that make_model knows.
const std::vector<ModelInfo>& list_models();

}  // namespace pixelgrad
