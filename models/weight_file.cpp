#include "models/weight_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

#include "models/safetensors.h"
#include "models/torch_file.h"

namespace pixelgrad {
namespace {

/// [a,rows,columns] -> [a,columns,rows].
template <class T>
void swap_last_two(const T* from, int64_t a, int64_t rows, int64_t columns, T* to) {
  for (int64_t n = 0; n < a; ++n)
    for (int64_t c = 0; c < columns; ++c)
      for (int64_t r = 0; r < rows; ++r)
        to[(n * columns + c) * rows + r] = from[(n * rows + r) * columns + c];
}

/// What a file that is neither kind seems to be, for the error.
std::string guess_kind(std::string_view head) {
  if (head.starts_with("\x89HDF")) return ": an HDF5 file, as Keras writes them";
  if (head.starts_with("version https://git-lfs"))
    return ": a pointer of Git LFS; the file itself was not downloaded";
  if (head.starts_with("<")) return ": HTML or XML; was a web page downloaded in its place?";
  if (head.size() > 262 && head.substr(257, 5) == "ustar")
    return ": a tar archive, as PyTorch wrote them before 0.1.10";
  if (head.starts_with("\x80")) return ": a pickle, but not as torch.save writes them";
  return "";
}

}  // namespace

Shape to_layout(Shape shape, WeightLayout from, WeightLayout to) {
  if (from == to || shape.size() != 4) return shape;
  const Shape& s = shape;
  return to == WeightLayout::pixelgrad ? Shape{s[0], s[2], s[3], s[1]}
                                       : Shape{s[0], s[3], s[1], s[2]};
}

Tensor to_layout(const Tensor& weight, WeightLayout from, WeightLayout to) {
  if (from == to || weight.dims() != 4) return weight;
  Tensor out = Tensor::empty(to_layout(weight.shape(), from, to), weight.dtype());
  const bool ours = to == WeightLayout::pixelgrad;
  const Shape& s = weight.shape();
  const int64_t rows = ours ? s[1] : s[1] * s[2], columns = ours ? s[2] * s[3] : s[3];
  const auto swap = [&]<class T>(T) {
    swap_last_two(reinterpret_cast<const T*>(weight.raw()), s[0], rows, columns,
                  reinterpret_cast<T*>(out.mutable_raw()));
  };
  switch (size_of(weight.dtype())) {
    case 1:
      swap(uint8_t{});
      break;
    case 4:
      swap(uint32_t{});
      break;
    default:
      swap(uint64_t{});
  }
  return out;
}

void WeightFile::strip_prefixes() {
  const auto strip = [&](std::string_view prefix) {
    for (WeightEntry& e : entries_) e.name.erase(0, prefix.size());
    unwrapped_.emplace_back(prefix);
  };
  const auto format = metadata_.find("format");
  if (format != metadata_.end() && format->second.starts_with("pixelgrad checkpoint")) {
    std::erase_if(entries_, [](const WeightEntry& e) { return !e.name.starts_with("model."); });
    strip("model.");
    return;
  }
  constexpr std::array<std::string_view, 2> wrappers = {"module.", "_orig_mod."};
  const auto everywhere = [&](std::string_view prefix) {
    return !entries_.empty() && std::all_of(entries_.begin(), entries_.end(), [&](const auto& e) {
      return e.name.size() > prefix.size() && e.name.starts_with(prefix);
    });
  };
  for (auto found = wrappers.begin(); found != wrappers.end();) {
    found = std::find_if(wrappers.begin(), wrappers.end(), everywhere);
    if (found != wrappers.end()) strip(*found);
  }
}

std::unique_ptr<WeightFile> open_weights(const std::filesystem::path& path) {
  const auto fail = [&](const auto&... parts) {
    throw CheckpointError(str("[weights] ", path.string(), ": ", parts...));
  };
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) fail(error ? "no such file" : "not a file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail("cannot be opened to read");
  std::string head(512, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(stream.gcount()));
  stream.close();

  std::unique_ptr<WeightFile> file;
  if (is_torch_file(head))
    file = open_torch_file(path);
  else if (head.size() > 8 && head[8] == '{')
    file = open_safetensors(path);
  else
    fail("neither a safetensors file nor one of torch.save", guess_kind(head));
  file->strip_prefixes();
  return file;
}

}  // namespace pixelgrad
