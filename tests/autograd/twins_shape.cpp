#include "tests/autograd/twins.h"

namespace pixelgrad {

Twins shape_twins() { return {}; }

}  // namespace pixelgrad
