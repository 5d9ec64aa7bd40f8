// Losses whose kernels are handed probabilities: both backends take their sum for 1, though they
// were rounded. Shown with some that are far from it.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tensor/kernels/class_overlap.h"
#include "tensor/kernels/lovasz.h"
#include "tensor/random.h"
#include "tests/cuda/device.h"

namespace pixelgrad {
namespace {

constexpr int64_t pixels = 150, classes = 5;
constexpr int32_t ignored = 255;

template <class T>
class DeviceProbabilities : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
    Random random({.seed = 3});
    for (int64_t i = 0; i < pixels; ++i)
      labels.push_back(i % 7 == 3 ? ignored : static_cast<int32_t>(random.below(classes)));
    for (int64_t i = 0; i < pixels * classes; ++i)
      p.push_back(static_cast<T>(0.1 + 0.1 * static_cast<double>(random.below(6))));
  }

  /// The gradient that `kernel` writes: called with labels, p and it.
  template <Device D, class Kernel>
  std::vector<double> gradient(const Kernel& kernel) const {
    const Tensor on_labels = Tensor::from<int32_t>({pixels}, labels).to(D);
    const Tensor on_p = Tensor::from<T>({pixels, classes}, p).to(D);
    Tensor dlogits = Tensor::full({pixels, classes}, -1, dtype_of<T>, D);
    kernel(kernels::PixelLabels<T>{.pixels = pixels,
                                   .classes = classes,
                                   .ignore_index = ignored,
                                   .labels = on_labels.data<int32_t>()},
           on_p.data<T>(), dlogits.mutable_data<T>());
    return dlogits.to_doubles();
  }

  void expect_near(const std::vector<double>& got, const std::vector<double>& expected) const {
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << i;
  }

  std::vector<int32_t> labels;
  std::vector<T> p;
  const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(DeviceProbabilities, Types);

TYPED_TEST(DeviceProbabilities, CountAsOneTogetherInSoftCounts) {
  const std::vector<double> by_counts = {0.5, -1, 2, 0.25, 1, -0.5, 0.75, 1.5, -2, 1};
  const auto run = [&]<Device D>() {
    const Tensor on_counts = Tensor::from<double>({2, classes}, by_counts).to(D);
    return this->template gradient<D>([&](const auto& labels, const auto* p, auto* dlogits) {
      const double* counts = on_counts.template data<double>();
      kernels::class_overlap_backward<D>(labels, p, counts, counts + classes, dlogits);
    });
  };
  std::vector<double> expected;
  for (size_t i = 0; i < pixels; ++i) {
    const int32_t label = this->labels[i];
    const TypeParam* row = this->p.data() + i * classes;
    std::vector<double> g(by_counts.begin() + classes, by_counts.end());
    if (label != ignored) g[static_cast<size_t>(label)] += by_counts[static_cast<size_t>(label)];
    double sum = 0, total = 0;
    for (size_t k = 0; k < classes; ++k) {
      sum += g[k] * static_cast<double>(row[k]);
      total += static_cast<double>(row[k]);
    }
    for (size_t k = 0; k < classes; ++k)
      expected.push_back(label == ignored ? 0 : static_cast<double>(row[k]) * (g[k] - sum / total));
  }
  this->expect_near(run.template operator()<Device::cpu>(), expected);
  this->expect_near(run.template operator()<Device::cuda>(), expected);
}

TYPED_TEST(DeviceProbabilities, CountAsOneTogetherInLovasz) {
  const auto run = [&]<Device D>() {
    Tensor loss = Tensor::zeros({}, dtype_of<TypeParam>, D);
    return this->template gradient<D>([&](const auto& labels, const auto* p, auto* dlogits) {
      kernels::lovasz_softmax<D>(labels, 1, true, p, loss.mutable_data<TypeParam>(), dlogits);
    });
  };
  const std::vector<double> host = run.template operator()<Device::cpu>();
  this->expect_near(run.template operator()<Device::cuda>(), host);
  // What a softmax cannot change, a common summand of the logits, has no gradient.
  double largest = 0;
  for (size_t i = 0; i < pixels; ++i) {
    double sum = 0;
    for (size_t k = 0; k < classes; ++k) {
      sum += host[i * classes + k];
      largest = std::max(largest, std::abs(host[i * classes + k]));
    }
    EXPECT_NEAR(sum, 0, this->tolerance) << i;
  }
  EXPECT_GT(largest, 1e3 * this->tolerance);
}

}  // namespace
}  // namespace pixelgrad
