#pragma once
#include <functional>
#include <vector>

#include "models/pickle.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Gives the bytes of a storage: fill(offset, to, bytes). Offsets never decrease below the end of
/// the piece before.
using FillBytes = std::function<void(uint64_t offset, std::byte* to, size_t bytes)>;

/// True when no element of the tensor is seen under two indices, other than through a stride of 0,
/// and sorted strides nest, so that the elements can be visited in the order of their places.
bool can_read_in_order(const TorchTensor& tensor);

/// Makes a contiguous tensor of the elements that `tensor` sees, converted to memory types. Goes
/// through the storage once, from front to back, with a buffer of 64 KiB. Needs can_read_in_order.
Tensor read_strided(const TorchTensor& tensor, StoredType type, uint64_t storage_elements,
                    const FillBytes& fill);

}  // namespace pixelgrad
