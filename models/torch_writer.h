#pragma once
#include <filesystem>
#include <vector>

#include "tensor/named_tensor.h"

namespace pixelgrad {

/// Writes a state_dict that torch.load reads: the zip form of torch.save, atomically. Tensors are
/// taken as they are; to_layout turns convolutions to PyTorch's order. Throws CheckpointError for a
/// name that comes twice and for 4 GiB and more, Error when the disk fails.
void write_torch_file(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors);

}  // namespace pixelgrad
