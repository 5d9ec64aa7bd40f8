#include "tests/autograd/twins.h"

namespace pixelgrad {

Twins pooling_twins() { return {}; }

}  // namespace pixelgrad
