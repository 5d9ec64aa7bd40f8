#include "tensor/kernels/elementwise.h"
