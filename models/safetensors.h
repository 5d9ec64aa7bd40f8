#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/weight_file.h"
#include "tensor/named_tensor.h"

// Weight files in the safetensors format (https://github.com/huggingface/safetensors): 8 bytes
// length of the header (little-endian), a JSON header with name, dtype, shape and place of every
// tensor, then the values without gaps. Files that this library writes also carry CRC-32C checksums
// and a layout tag, in the header's __metadata__, where other readers ignore them.
namespace pixelgrad {

/// What a weight file holds.
struct TensorFile {
  std::vector<NamedTensor> tensors;             ///< in the order of the header
  std::map<std::string, std::string> metadata;  ///< free text; without the keys of this library
  /// "NHWC": conv weights are [Cout,Kh,Kw,Cin], as models of this library have them. "NCHW": they
  /// are PyTorch's [Cout,Cin,Kh,Kw]. Empty where another program wrote the file and did not say;
  /// write_safetensors takes that for NHWC.
  std::string layout = {};
};

/// Reads a weight file. Files are not trusted: sizes are held against the length of the file before
/// anything is allocated, gaps, overlaps, duplicates and unknown fields are refused, and where
/// there are checksums they must fit, so that any flipped bit is noticed. Values are converted as
/// dtype_in_memory says. Needs at most 16 MiB of memory beside the values; to keep that, a header
/// has at most 4 MiB, 16,384 tensors of 8 dimensions and 4,096 metadata entries. Throws
/// CheckpointError, which names the file, the tensor, and what was got and expected.
TensorFile read_safetensors(const std::filesystem::path& path);

/// The same file, opened to read its tensors one at a time.
std::unique_ptr<WeightFile> open_safetensors(const std::filesystem::path& path);

/// Reads only the metadata: the same checks of the header, none of the values.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);

/// Writes tensors (any device) and metadata, atomically: on any failure the old file is still
/// there. Metadata keys that begin with "pixelgrad." are the library's own. Throws CheckpointError
/// for contents that the reader would refuse, Error when the disk fails.
void write_safetensors(const std::filesystem::path& path, const TensorFile& contents);

}  // namespace pixelgrad
