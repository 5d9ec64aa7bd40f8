#include "tensor/tensor.h"

#include <cstring>
#include <limits>

#include "tensor/allocator.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/values.h"
#include "tensor/transfer_internal.h"

namespace pixelgrad {

int64_t numel(const Shape& shape) {
  int64_t n = 1;
  for (int64_t d : shape) {
    check(d >= 0, "[shape] negative size in ", shape);
    check(!__builtin_mul_overflow(n, d, &n), "[shape] ", shape, " has too many elements");
  }
  return n;
}

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? "," : "") + std::to_string(shape[i]);
  return out + "]";
}

Storage::Storage(size_t size, Device where, const std::source_location& caller)
    : data(static_cast<std::byte*>(allocate(where, size, caller))), bytes(size), device(where) {}
Storage::~Storage() { deallocate(device, data, bytes); }

Tensor Tensor::empty(Shape shape, Dtype dtype, Device device, const Caller& caller) {
  int64_t bytes = 0;
  check(!__builtin_mul_overflow(pixelgrad::numel(shape), static_cast<int64_t>(size_of(dtype)),
                                &bytes),
        "[tensor] ", shape, " of ", dtype, " is too large");
  auto impl = std::make_shared<Impl>();
  impl->storage = std::make_shared<Storage>(static_cast<size_t>(bytes), device, caller);
  impl->shape = std::move(shape);
  impl->dtype = dtype;
  impl->device = device;
  Tensor t(std::move(impl));
#ifndef NDEBUG
  if (is_activation(dtype)) t.fill(std::numeric_limits<double>::quiet_NaN());
#endif
  return t;
}

Tensor Tensor::over(std::shared_ptr<Storage> storage, Shape shape, Dtype dtype) {
  auto impl = std::make_shared<Impl>();
  impl->device = storage->device;
  impl->storage = std::move(storage);
  impl->shape = std::move(shape);
  impl->dtype = dtype;
  return Tensor(std::move(impl));
}

Tensor Tensor::zeros(Shape shape, Dtype dtype, Device device, const Caller& caller) {
  return full(std::move(shape), 0, dtype, device, caller);
}

Tensor Tensor::full(Shape shape, double value, Dtype dtype, Device device, const Caller& caller) {
  Tensor t = empty(std::move(shape), dtype, device, caller);
  t.fill(value);
  return t;
}

template <class T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor t = empty(std::move(shape), dtype_of<T>);
  check(t.numel() == static_cast<int64_t>(values.size()), "[tensor] got ", values.size(),
        " values for shape ", t.shape());
  if (!values.empty()) std::memcpy(t.mutable_raw(), values.data(), values.size_bytes());
  return t;
}
template Tensor Tensor::from(Shape, std::span<const float>);
template Tensor Tensor::from(Shape, std::span<const double>);
template Tensor Tensor::from(Shape, std::span<const uint8_t>);
template Tensor Tensor::from(Shape, std::span<const int32_t>);
template Tensor Tensor::from(Shape, std::span<const int64_t>);
template Tensor Tensor::from(Shape, std::span<const bf16>);

int64_t Tensor::shape(int dim) const {
  const int at = dim < 0 ? dim + dims() : dim;
  check(at >= 0 && at < dims(), "[tensor] dimension ", dim, " of a tensor ", shape());
  return shape()[static_cast<size_t>(at)];
}

double Tensor::item() const {
  check(numel() == 1, "[tensor] item() of a tensor ", shape(), ", expected one element");
  return to_doubles()[0];
}

std::vector<double> Tensor::to_doubles() const {
  const Tensor host = to(Device::cpu);
  return dispatch_all(host, [&]<Device, class T>() {
    const T* p = host.data<T>();
    return std::vector<double>(p, p + host.numel());
  });
}

Tensor Tensor::clone() const {
  Tensor t = empty(shape(), dtype(), device());
  t.copy_from(*this);
  return t;
}

Tensor Tensor::detach() const {
  auto copy = std::make_shared<Impl>(impl());
  copy->source = nullptr;
  return Tensor(std::move(copy));
}

Tensor Tensor::view(Shape to) const {
  check(pixelgrad::numel(to) == numel(), "[view] a tensor ", shape(), " cannot be seen as ", to);
  Tensor t = detach();
  t.impl_->shape = std::move(to);
  return t;
}

Tensor Tensor::to(Dtype type) const {
  if (type == dtype()) return *this;
  Tensor out = empty(shape(), type, device());
  dispatch_all(*this, [&]<Device D, class From>() {
    dispatch_all(out, [&]<Device, class To>() {
      kernels::convert<D>(numel(), data<From>(), out.mutable_data<To>());
    });
  });
  return out;
}

Tensor Tensor::to(Device where) const {
  if (where == device()) return *this;
  Tensor out = empty(shape(), dtype(), where);
  out.copy_from(*this);
  return out;
}

void Tensor::copy_from(const Tensor& source) {
  check(source.shape() == shape() && source.dtype() == dtype(), "[copy_from] got ", source.shape(),
        " of ", source.dtype(), ", expected ", shape(), " of ", dtype());
  transfer("copy_from", device(), mutable_raw(), source.device(), source.raw(), bytes());
}

void Tensor::fill(double value) {
  dispatch_all(*this, [&]<Device D, class T>() {
    kernels::fill<D>(numel(), static_cast<T>(value), mutable_data<T>());
  });
}

void Tensor::rebind(const Tensor& other) {
  check(other.shape() == shape(), "[tensor] rebind of ", shape(), " to ", other.shape());
  impl().storage = other.storage();
  impl().dtype = other.dtype();
  impl().device = other.device();
}

}  // namespace pixelgrad
