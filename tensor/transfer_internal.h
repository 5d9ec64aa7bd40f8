#pragma once
#include <cstddef>

#include "tensor/device.h"

namespace pixelgrad {

/// Copies bytes within a device or between two. What comes to the host is there on return; what
/// leaves it may be overwritten. Throws Error naming `op` where the device fails.
void transfer(const char* op, Device to_device, void* to, Device from_device, const void* from,
              size_t bytes);

}  // namespace pixelgrad
