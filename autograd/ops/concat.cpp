#include "autograd/ops/concat.h"

#include "autograd/ops/checks_internal.h"
#include "tensor/dispatch.h"
#include "tensor/kernels/copy.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  check(!parts.empty(), "[concat] got no tensors, expected at least one");
  check_activation("concat", "input", parts[0]);
  const size_t at = checked_axis("concat", axis, parts[0]);
  Shape shape = parts[0].shape();
  shape[at] = 0;
  std::vector<int64_t> sizes;  // of each part along the axis
  std::vector<bool> wanted;
  for (size_t i = 0; i < parts.size(); ++i) {
    check_activation("concat", "input", parts[i]);
    check_same_kind("concat", "the first input", parts[0], "another", parts[i]);
    const Shape& part = parts[i].shape();
    Shape expected = parts[0].shape();
    if (part.size() == expected.size()) expected[at] = part[at];
    check(part == expected, "[concat] input ", i, " is ", part, ", expected ", parts[0].shape(),
          " up to the size of axis ", at);
    sizes.push_back(part[at]);
    shape[at] += part[at];
    wanted.push_back(needs_grad(parts[i]));
  }
  // Before the axis there are `outer` indices; an index of the axis has `inner` values.
  const int64_t outer = numel(Shape(shape.begin(), shape.begin() + static_cast<int64_t>(at)));
  const int64_t inner = numel(Shape(shape.begin() + static_cast<int64_t>(at) + 1, shape.end()));
  const int64_t total = shape[at] * inner;
  Tensor y = Tensor::empty(shape, parts[0].dtype(), parts[0].device());
  dispatch_activation(y, [&]<Device D, class T>() {
    T* to = y.mutable_data<T>();
    for (size_t i = 0; i < parts.size(); ++i) {
      const int64_t size = sizes[i] * inner;
      kernels::StridedCopy copy;
      copy.add(outer, size, total);
      copy.add(size, 1, 1);
      kernels::copy_strided<D, T>(copy, parts[i].data<T>(), to);
      to += size;
    }
  });
  return record("concat", y, parts,
                [at, outer, inner, total, sizes = std::move(sizes),
                 wanted = std::move(wanted)](const Tensor& dy) -> Grads {
                  Grads grads(sizes.size());
                  dispatch_activation(dy, [&]<Device D, class T>() {
                    const T* from = dy.data<T>();
                    for (size_t i = 0; i < sizes.size(); ++i) {
                      const int64_t size = sizes[i] * inner;
                      if (wanted[i]) {
                        Shape part = dy.shape();
                        part[at] = sizes[i];
                        grads[i] = Tensor::empty(std::move(part), dy.dtype(), dy.device());
                        kernels::StridedCopy copy;
                        copy.add(outer, total, size);
                        copy.add(size, 1, 1);
                        kernels::copy_strided<D, T>(copy, from,
                                                    grads[i].template mutable_data<T>());
                      }
                      from += PIXELGRAD_MUTANT(concat_backward_all_from_the_start, size, 0);
                    }
                  });
                  return grads;
                });
}

}  // namespace pixelgrad
