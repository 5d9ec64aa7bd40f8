#pragma once
#include <cmath>

#include "tensor/cuda/row_team.h"
#include "tensor/dtype.h"

// Softmax of a row that a RowTeam works on, and the way back through it.
namespace pixelgrad::cuda {

template <class Team, class T>
class SoftmaxRow {
 public:
  /// Of x, and the sum of exp(x - largest): at least 1.
  T largest, sum;

  __device__ SoftmaxRow(const Team& team, const RowValues<Team, T>& x) : x_(x) {
    T mine = -INFINITY;
    team.for_each([&](int i, int64_t k) { mine = x(i, k) > mine ? x(i, k) : mine; });
    largest = Team::largest(mine);
    mine = 0;
    team.for_each([&](int i, int64_t k) {
      const T e = std::exp(x(i, k) - largest);
      if constexpr (Team::in_registers) exp_[i] = e;
      mine += e;
    });
    sum = Team::sum(mine);
  }

  /// exp(x - largest); with the arguments that Team::for_each gives.
  __device__ T exp(int i, int64_t k) const {
    if constexpr (Team::in_registers)
      return exp_[i];
    else
      return std::exp(x_(i, k) - largest);
  }

 private:
  const RowValues<Team, T>& x_;
  T exp_[Team::registers];
};

/// dx[k] = p[k] (dp(i, k) - sum_j dp[j] p[j]): from the derivatives by p = softmax(x) to those by
/// x. dx may be the row that p holds. Where one class has nearly all, the difference is a small one
/// of large numbers: p, which was rounded, must count as probabilities that add up to exactly 1.
template <class Team, class T, class Gradient>
__device__ void through_softmax(const Team& team, const RowValues<Team, T>& p, const Gradient& dp,
                                T* dx) {
  acc_t<T> sum = 0, total = 0;
  team.for_each([&](int i, int64_t k) {
    sum += static_cast<acc_t<T>>(dp(i, k)) * p(i, k);
    total += p(i, k);
  });
  const acc_t<T> mean = Team::sum(sum) / Team::sum(total);
  team.for_each([&](int i, int64_t k) { dx[k] = static_cast<T>(p(i, k) * (dp(i, k) - mean)); });
}

}  // namespace pixelgrad::cuda
