#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/stored_type.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// How the four dimensions of a convolution's weight are ordered: PyTorch's [Cout,Cin,Kh,Kw], or
/// this library's [Cout,Kh,Kw,Cin]. Of a transposed convolution, Cin and Cout change places in
/// both, so one permutation serves for all.
enum class WeightLayout { pytorch, pixelgrad };

/// A tensor with four dimensions in another layout; any other tensor as it is.
Tensor to_layout(const Tensor& weight, WeightLayout from, WeightLayout to);
/// The same for a shape alone.
Shape to_layout(Shape shape, WeightLayout from, WeightLayout to);

/// One tensor of a weight file, before its values are read.
struct WeightEntry {
  std::string name;
  StoredType type = StoredType::f32;
  Shape shape;       ///< in the file's layout
  size_t place = 0;  ///< number among all tensors of the file, also those that are left out
};

/// An open file of weights, safetensors or PyTorch. Opening it reads and checks what the file says
/// of its tensors; values are read one tensor at a time. No file is trusted, nothing in it is
/// executed.
class WeightFile {
 public:
  virtual ~WeightFile() = default;
  WeightFile(const WeightFile&) = delete;
  WeightFile& operator=(const WeightFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// "safetensors", "PyTorch zip" or "PyTorch legacy".
  const std::string& format() const { return format_; }
  /// A file that does not say is taken for PyTorch's.
  WeightLayout layout() const { return layout_; }
  const std::vector<WeightEntry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// Containers and prefixes around the names, which entries() leaves out: "state_dict", "module.".
  const std::vector<std::string>& unwrapped() const { return unwrapped_; }

  /// The values of entries()[index], as dtype_in_memory of its type. Throws CheckpointError that
  /// names the file and the tensor where they cannot be read or are damaged.
  virtual Tensor read(size_t index) = 0;
  Tensor read(size_t index, WeightLayout layout) { return to_layout(read(index), layout_, layout); }

 protected:
  WeightFile(std::filesystem::path path, std::string format)
      : path_(std::move(path)), format_(std::move(format)) {}

  std::filesystem::path path_;
  std::string format_;
  WeightLayout layout_ = WeightLayout::pytorch;
  std::vector<WeightEntry> entries_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> unwrapped_;

 private:
  friend std::unique_ptr<WeightFile> open_weights(const std::filesystem::path& path);
  void strip_prefixes();
};

/// Opens a file of weights, whose kind its first bytes tell:
///   - safetensors;
///   - what torch.save wrote (.pth, .pt), as a zip archive or in the form before PyTorch 1.6.
/// A prefix that every name has is taken off where it comes from a wrapper: "module."
/// (DataParallel), "_orig_mod." (torch.compile). Of a checkpoint of this program the model's
/// tensors are kept, under the names that the model has for them. Throws CheckpointError that says
/// what is wrong and where.
std::unique_ptr<WeightFile> open_weights(const std::filesystem::path& path);

}  // namespace pixelgrad
