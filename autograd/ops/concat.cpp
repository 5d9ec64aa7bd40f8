#include "autograd/ops/concat.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/concat.h"

namespace pixelgrad {

Tensor concat(const std::vector<Tensor>& parts) {
  check(!parts.empty(), "[concat] got no tensors, expected at least one");
  Shape shape;
  std::vector<int64_t> channels;
  std::vector<bool> wanted;
  for (const Tensor& part : parts) {
    check_floating("concat", "input", part);
    check(part.dims() >= 1, "[concat] input is a scalar, expected channels in the last dimension");
    check_same_kind("concat", "the first input", parts[0], "another", part);
    channels.push_back(part.shape(-1));
    wanted.push_back(needs_grad(part));
    if (shape.empty()) {
      shape = part.shape();
      continue;
    }
    Shape expected = parts[0].shape();
    expected.back() = part.shape(-1);
    check(part.shape() == expected, "[concat] input ", channels.size() - 1, " is ", part.shape(),
          ", expected all sizes but the last of ", parts[0].shape());
    shape.back() += part.shape(-1);
  }
  const int64_t total = shape.back(), pixels = total == 0 ? 0 : numel(shape) / total;
  Tensor y = Tensor::empty(shape, parts[0].dtype(), parts[0].device());
  dispatch(y, [&]<Device D, class T>() {
    T* to = y.mutable_data<T>();
    for (const Tensor& part : parts) {
      const int64_t c = part.shape(-1);
      kernels::copy_rows<D, T>(pixels, c, part.data<T>(), c, to, total);
      to += c;
    }
  });
  return record("concat", y, parts,
                [pixels, total, channels = std::move(channels),
                 wanted = std::move(wanted)](const Tensor& dy) -> Grads {
                  Grads grads(channels.size());
                  dispatch(dy, [&]<Device D, class T>() {
                    const T* from = dy.data<T>();
                    for (size_t i = 0; i < channels.size(); from += channels[i++]) {
                      if (!wanted[i]) continue;
                      Shape part = dy.shape();
                      part.back() = channels[i];
                      grads[i] = Tensor::empty(std::move(part), dy.dtype(), dy.device());
                      kernels::copy_rows<D, T>(pixels, channels[i], from, total,
                                               grads[i].template mutable_data<T>(), channels[i]);
                    }
                  });
                  return grads;
                });
}

}  // namespace pixelgrad
