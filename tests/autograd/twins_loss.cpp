#include "tests/autograd/twins.h"

namespace pixelgrad {

Twins loss_twins() { return {}; }

}  // namespace pixelgrad
