#include "tests/autograd/twins.h"

namespace pixelgrad {

Twins normalization_twins() { return {}; }

}  // namespace pixelgrad
