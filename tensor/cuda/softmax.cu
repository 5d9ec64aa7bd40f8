#include "tensor/kernels/softmax.h"

#include <cmath>

#include "tensor/cuda/row_team.h"
#include "tensor/cuda/softmax_row.h"

namespace pixelgrad::kernels {
namespace {

template <class Team, class T>
using Row = cuda::RowValues<Team, T>;

template <class T>
struct Softmax {
  const T* x;
  T* y;
  template <class Team>
  __device__ void operator()(const Team& team, int64_t at) const {
    const Row<Team, T> row(team, x + at);
    const cuda::SoftmaxRow<Team, T> softmax(team, row);
    team.for_each([&](int i, int64_t k) { y[at + k] = softmax.exp(i, k) / softmax.sum; });
  }
};

template <class T>
struct SoftmaxBackward {
  const T *y, *dy;
  T* dx;
  template <class Team>
  __device__ void operator()(const Team& team, int64_t at) const {
    const Row<Team, T> p(team, y + at), dp(team, dy + at);
    cuda::through_softmax(team, p, dp, dx + at);
  }
};

template <class T>
struct LogSoftmax {
  const T* x;
  T* y;
  template <class Team>
  __device__ void operator()(const Team& team, int64_t at) const {
    const Row<Team, T> row(team, x + at);
    const cuda::SoftmaxRow<Team, T> softmax(team, row);
    const T log_sum = std::log(softmax.sum);
    team.for_each([&](int i, int64_t k) { y[at + k] = (row(i, k) - softmax.largest) - log_sum; });
  }
};

template <class T>
struct LogSoftmaxBackward {
  const T *y, *dy;
  T* dx;
  template <class Team>
  __device__ void operator()(const Team& team, int64_t at) const {
    const Row<Team, T> gradient(team, dy + at);
    acc_t<T> mine = 0;
    team.for_each([&](int i, int64_t k) { mine += gradient(i, k); });
    const T sum = static_cast<T>(Team::sum(mine));
    team.for_each(
        [&](int i, int64_t k) { dx[at + k] = gradient(i, k) - std::exp(y[at + k]) * sum; });
  }
};

/// Calls f(team, position of the row's first value) for each row.
template <class Team, class F>
__global__ void rows_kernel(int64_t rows, int64_t classes, F f) {
  for (int round = 0; round < Team::rounds; ++round) {
    const int64_t row = Team::row(round);
    f(Team(row < rows ? classes : 0), row * classes);
  }
}

template <class F>
void for_each_row(const char* op, int64_t rows, int64_t classes, const F& f) {
  if (rows == 0) return;
  cuda::with_row_team(classes, [&]<class Team>() {
    cuda::launch(op, cuda::team_for_each<Team>(rows), rows_kernel<Team, F>, rows, classes, f);
  });
}

}  // namespace

template <Device D, class T>
void softmax_forward(int64_t rows, int64_t classes, const T* x, T* y) {
  for_each_row("softmax", rows, classes, Softmax<T>{x, y});
}

template <Device D, class T>
void softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx) {
  for_each_row("softmax", rows, classes, SoftmaxBackward<T>{y, dy, dx});
}

template <Device D, class T>
void log_softmax_forward(int64_t rows, int64_t classes, const T* x, T* y) {
  for_each_row("log_softmax", rows, classes, LogSoftmax<T>{x, y});
}

template <Device D, class T>
void log_softmax_backward(int64_t rows, int64_t classes, const T* y, const T* dy, T* dx) {
  for_each_row("log_softmax", rows, classes, LogSoftmaxBackward<T>{y, dy, dx});
}

#define PIXELGRAD_INSTANTIATE(T)                                                             \
  template void softmax_forward<Device::cuda, T>(int64_t, int64_t, const T*, T*);            \
  template void softmax_backward<Device::cuda, T>(int64_t, int64_t, const T*, const T*, T*); \
  template void log_softmax_forward<Device::cuda, T>(int64_t, int64_t, const T*, T*);        \
  template void log_softmax_backward<Device::cuda, T>(int64_t, int64_t, const T*, const T*, T*);
PIXELGRAD_INSTANTIATE(float)
PIXELGRAD_INSTANTIATE(double)
#undef PIXELGRAD_INSTANTIATE

}  // namespace pixelgrad::kernels
