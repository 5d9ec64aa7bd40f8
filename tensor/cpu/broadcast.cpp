#include "tensor/cpu/broadcast.h"

#include "tensor/parallel.h"

namespace pixelgrad::kernels {

template <Device D, class T>
void expand(const Operand<T>& x, double factor, T* y) {
  constexpr int64_t grain = 1 << 15;
  const T scale = static_cast<T>(factor);
  parallel_range(x.axes.all(), grain, [&](int64_t begin, int64_t end) {
    OperandReader<T> reader(x);
    for (int64_t i = begin; i < end; i += reader.max_piece) {
      const int64_t n = std::min(reader.max_piece, end - i);
      const T* piece = reader.read(i, n);
      for (int64_t k = 0; k < n; ++k) y[i + k] = scale * piece[k];
    }
  });
}

template void expand<Device::cpu, float>(const Operand<float>&, double, float*);
template void expand<Device::cpu, double>(const Operand<double>&, double, double*);

}  // namespace pixelgrad::kernels
