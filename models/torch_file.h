#pragma once
#include <memory>
#include <string_view>

#include "models/weight_file.h"

// Files that torch.save wrote: a zip archive since PyTorch 1.6, before that five pickles with the
// values behind them. Both are read by run_pickle, which executes nothing.
namespace pixelgrad {

/// True for a file that begins like one of the two; `head` are its first 16 bytes or more.
bool is_torch_file(std::string_view head);

/// Opens a .pth or .pt file. The tensors are those of the dictionary that it holds, or of the one
/// under "state_dict", "model_state_dict", "model_state", "model", "net" or "weights", or of the
/// only dictionary in it that holds tensors. Strides, offsets and shared storages are resolved as
/// tensors are read. Needs at most 16 MiB of memory beside the values; all values together may have
/// twice the file's size and 16 MiB. Throws CheckpointError that names file, and byte or entry.
std::unique_ptr<WeightFile> open_torch_file(const std::filesystem::path& path);

}  // namespace pixelgrad
