#include "tests/autograd/twins.h"

namespace pixelgrad {

Twins resize_twins() { return {}; }

}  // namespace pixelgrad
