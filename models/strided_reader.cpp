#include "models/strided_reader.h"

#include <algorithm>
#include <cstring>

namespace pixelgrad {
namespace {

constexpr uint64_t window_elements = 8192;

/// One dimension of more than one element.
struct Axis {
  uint64_t size, stride;  // in the storage
  uint64_t step;          // in the result
};

/// The axes by descending stride.
std::vector<Axis> sorted_axes(const TorchTensor& t) {
  std::vector<Axis> axes;
  uint64_t step = 1;
  for (size_t d = t.shape.size(); d > 0; --d) {
    const auto size = static_cast<uint64_t>(t.shape[d - 1]);
    if (size > 1) axes.push_back({size, t.strides[d - 1], step});
    step *= size;
  }
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return a.stride > b.stride; });
  return axes;
}

/// The elements of a storage from a place on, seen through a buffer that only moves forward.
class Window {
 public:
  Window(StoredType type, uint64_t elements, const FillBytes& fill)
      : type_(type), elements_(elements), fill_(fill), bytes_(window_elements * size_of(type)) {}

  /// Up to `count` elements from `first` on; says how many.
  const std::byte* at(uint64_t first, uint64_t& count) {
    if (first >= end_) {
      const uint64_t taken = std::min(window_elements, elements_ - first);
      fill_(first * size_of(type_), bytes_.data(), taken * size_of(type_));
      begin_ = first;
      end_ = first + taken;
    }
    count = std::min(count, end_ - first);
    return bytes_.data() + (first - begin_) * size_of(type_);
  }

 private:
  StoredType type_;
  uint64_t elements_;
  const FillBytes& fill_;
  std::vector<std::byte> bytes_;
  uint64_t begin_ = 0, end_ = 0;
};

}  // namespace

bool can_read_in_order(const TorchTensor& tensor) {
  const std::vector<Axis> axes = sorted_axes(tensor);
  uint64_t reach = 0;  // of the smaller strides; the bounds of the storage were checked
  for (size_t i = axes.size(); i > 0; --i) {
    const Axis& a = axes[i - 1];
    if (a.stride == 0) continue;
    if (a.stride <= reach) return false;
    reach += (a.size - 1) * a.stride;
  }
  return true;
}

Tensor read_strided(const TorchTensor& tensor, StoredType type, uint64_t storage_elements,
                    const FillBytes& fill) {
  Tensor out = Tensor::empty(tensor.shape, dtype_in_memory(type));
  if (out.numel() == 0) return out;
  std::vector<Axis> axes = sorted_axes(tensor);
  // Elements that lie side by side are taken together.
  Axis run{1, 1, 1};
  if (!axes.empty() && axes.back().stride == 1) {
    run = axes.back();
    axes.pop_back();
  }
  // Axes that lie side by side both there and here are one: most tensors are one run.
  while (!axes.empty() && axes.back().stride == run.size && axes.back().step == run.size &&
         run.step == 1) {
    run.size *= axes.back().size;
    axes.pop_back();
  }

  const size_t bytes = size_of(out.dtype());
  Window window(type, storage_elements, fill);
  std::vector<std::byte> converted(window_elements * bytes);
  std::byte* const to = out.mutable_raw();
  std::vector<uint64_t> index(axes.size(), 0);
  uint64_t place = tensor.offset, target = 0;
  for (;;) {
    for (uint64_t done = 0; done < run.size;) {
      uint64_t count = run.size - done;
      const std::byte* from = window.at(place + done, count);
      if (run.step == 1) {
        convert_stored(type, from, count, to + (target + done) * bytes);
      } else {
        convert_stored(type, from, count, converted.data());
        for (uint64_t i = 0; i < count; ++i)
          std::memcpy(to + (target + (done + i) * run.step) * bytes, converted.data() + i * bytes,
                      bytes);
      }
      done += count;
    }
    size_t d = axes.size();
    for (; d > 0; --d) {
      const Axis& a = axes[d - 1];
      place += a.stride;
      target += a.step;
      if (++index[d - 1] < a.size) break;
      index[d - 1] = 0;
      place -= a.size * a.stride;
      target -= a.size * a.step;
    }
    if (d == 0) return out;
  }
}

}  // namespace pixelgrad
