#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <source_location>
#include <span>
#include <vector>

#include "tensor/check.h"
#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace pixelgrad {

/// Where a gradient goes: a node of the graph or a leaf. Defined in autograd/graph.h; opaque here.
struct GradSource;

/// The bytes behind a tensor. `version` counts in-place writes, so that the graph can tell when a
/// value that a backward needs was overwritten.
struct Storage {
  /// The caller is whom an OutOfMemoryError names.
  Storage(size_t size, Device where, const std::source_location& caller);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  std::byte* data;
  size_t bytes;
  Device device;
  uint64_t version = 0;
};

/// A contiguous n-dimensional array on one device. A Tensor is a handle: copies share the values,
/// and `clone()` makes new ones. Images and activations are laid out N,H,W,C.
class Tensor {
 public:
  /// The undefined tensor: an absent bias, a gradient that nobody asked for.
  Tensor() = default;

  /// Whoever makes a tensor; an OutOfMemoryError names it. Nobody passes it by hand.
  using Caller = std::source_location;

  /// Uninitialised values (NaN in debug builds).
  static Tensor empty(Shape shape, Dtype dtype, Device device = Device::cpu,
                      const Caller& caller = Caller::current());
  static Tensor zeros(Shape shape, Dtype dtype, Device device = Device::cpu,
                      const Caller& caller = Caller::current());
  static Tensor full(Shape shape, double value, Dtype dtype, Device device = Device::cpu,
                     const Caller& caller = Caller::current());
  /// A copy of `values`, whose number must equal numel(shape).
  template <class T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <class T>
  static Tensor from(Shape shape, const std::vector<T>& values) {
    return from<T>(std::move(shape), std::span<const T>(values));
  }
  template <class T>
  static Tensor from(Shape shape, std::initializer_list<T> values) {
    return from<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }
  /// A scalar of shape [].
  static Tensor scalar(double value, Dtype dtype, Device device = Device::cpu,
                       const Caller& caller = Caller::current()) {
    return full({}, value, dtype, device, caller);
  }

  bool defined() const { return impl_ != nullptr; }
  explicit operator bool() const { return defined(); }

  const Shape& shape() const { return impl().shape; }
  /// Size of one dimension; negative counts from the back.
  int64_t shape(int dim) const;
  int dims() const { return static_cast<int>(shape().size()); }
  int64_t numel() const { return pixelgrad::numel(shape()); }
  Dtype dtype() const { return impl().dtype; }
  Device device() const { return impl().device; }
  size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype()); }

  /// The values, to read. Throws when T is not the tensor's element type.
  template <class T>
  const T* data() const {
    check_type(dtype_of<T>);
    return reinterpret_cast<const T*>(impl_->storage->data);
  }
  /// The values, to write; counts as an in-place edit.
  template <class T>
  T* mutable_data() {
    check_type(dtype_of<T>);
    ++impl_->storage->version;
    return reinterpret_cast<T*>(impl_->storage->data);
  }
  template <class T>
  std::span<const T> span() const {
    return {data<T>(), static_cast<size_t>(numel())};
  }
  const std::byte* raw() const { return impl().storage->data; }
  std::byte* mutable_raw() {
    ++impl().storage->version;
    return impl_->storage->data;
  }
  /// The value of a tensor with one element, as double; copies from the device.
  double item() const;
  /// All values as double, for tests and reports; copies from the device.
  std::vector<double> to_doubles() const;

  /// New storage, same values, no gradient.
  Tensor clone() const;
  /// Same storage, no gradient.
  Tensor detach() const;
  /// Same storage under another shape of as many elements; no gradient (ops offer reshape).
  Tensor view(Shape shape) const;
  /// A copy as another element type and on another device; itself when nothing changes.
  Tensor to(Dtype dtype) const;
  Tensor to(Device device) const;
  /// Overwrites the values from a tensor of equal shape and dtype (any device).
  void copy_from(const Tensor& source);
  void fill(double value);

  // What follows is for autograd/ and layers/.

  /// Where this tensor's gradient goes; null when it needs none.
  const std::shared_ptr<GradSource>& source() const { return impl().source; }
  void set_source(std::shared_ptr<GradSource> source) { impl().source = std::move(source); }
  /// Makes every handle of this tensor see `other`'s storage, dtype and device.
  void rebind(const Tensor& other);
  const std::shared_ptr<Storage>& storage() const { return impl().storage; }
  /// The values that `storage` begins with.
  static Tensor over(std::shared_ptr<Storage> storage, Shape shape, Dtype dtype);
  /// True when nobody but this handle would notice the values being overwritten.
  bool sole_owner() const { return impl().storage.use_count() == 1 && impl_.use_count() == 1; }
  /// True when both are handles of one tensor (not merely of one storage).
  bool same_as(const Tensor& other) const { return impl_ == other.impl_; }

 private:
  struct Impl {
    std::shared_ptr<Storage> storage;
    Shape shape;
    Dtype dtype;
    Device device;
    std::shared_ptr<GradSource> source;
  };

  explicit Tensor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  Impl& impl() const {
    if (!impl_) throw Error("[tensor] the tensor is undefined");
    return *impl_;
  }
  void check_type(Dtype asked) const {
    if (impl().dtype != asked)
      throw Error(str("[tensor] the tensor holds ", impl_->dtype, ", asked for ", asked));
  }

  std::shared_ptr<Impl> impl_;
};

}  // namespace pixelgrad
