#include "tensor/readback.h"

#include <cstring>
#ifdef PIXELGRAD_CUDA
#include "tensor/cuda/event.h"
#include "tensor/cuda/pinned.h"
#include "tensor/cuda/runtime.h"
#endif

namespace pixelgrad {

#ifdef PIXELGRAD_CUDA
struct Readback::Copies {
  static constexpr size_t room = sizeof(double);  // of one number
  cuda::Pinned memory;
  std::vector<Dtype> dtypes;
  cuda::Event done;

  explicit Copies(const std::vector<Tensor>& numbers) : memory(numbers.size() * room) {
    for (const Tensor& number : numbers) {
      cuda::check_status(cudaMemcpyAsync(place(dtypes.size()), number.raw(), number.bytes(),
                                         cudaMemcpyDeviceToHost, cuda::stream()),
                         "readback");
      dtypes.push_back(number.dtype());
    }
    done.record(cuda::stream());
  }
  /// Numbers that nobody asked for are waited for, too: whoever gets their memory next may be the
  /// host.
  ~Copies() {
    try {
      done.wait("readback");
    } catch (const Error&) {
      // A kernel failed, and who asked for it is told elsewhere.
    }
  }
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;

  std::byte* place(size_t i) const { return memory.data() + i * room; }
  template <class T>
  double read(size_t i) const {
    T number;
    std::memcpy(&number, place(i), sizeof number);
    return static_cast<double>(number);
  }
  std::vector<double> values() const {
    done.wait("readback");
    std::vector<double> out;
    for (size_t i = 0; i < dtypes.size(); ++i)
      out.push_back(dtypes[i] == Dtype::f32 ? read<float>(i) : read<double>(i));
    return out;
  }
  bool ready() const { return done.reached("readback"); }
};
#else
struct Readback::Copies {
  explicit Copies(const std::vector<Tensor>& numbers) {
    throw Error(str("[readback] this build has no ", numbers[0].device(), " backend"));
  }
  std::vector<double> values() const { return {}; }
  bool ready() const { return true; }
};
#endif

Readback::Readback(const std::vector<Tensor>& numbers) {
  for (const Tensor& number : numbers)
    check(number.numel() == 1 && is_floating(number.dtype()) &&
              number.device() == numbers[0].device(),
          "[readback] a tensor ", number.shape(), " of ", number.dtype(), " on ", number.device(),
          ", expected one element of f32 or f64 on ", numbers[0].device());
  if (!numbers.empty() && numbers[0].device() != Device::cpu)
    copies_ = std::make_unique<Copies>(numbers);
  else
    for (const Tensor& number : numbers) values_.push_back(number.item());
}

Readback::~Readback() = default;
Readback::Readback(Readback&&) noexcept = default;
Readback& Readback::operator=(Readback&&) noexcept = default;

bool Readback::ready() const { return !copies_ || copies_->ready(); }

std::vector<double> Readback::values() const { return copies_ ? copies_->values() : values_; }

}  // namespace pixelgrad
