// Every op of the table on the CUDA backend, held against the CPU in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "autograd/graph.h"
#include "autograd/op_cases.h"
#include "autograd/ops/matmul.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/cuda/device.h"

namespace pixelgrad {
namespace {

/// The value of a sample and the gradients of its inputs for one random cotangent, on the CPU.
std::vector<Tensor> value_and_gradients(const OpSample& sample, const std::vector<Tensor>& inputs,
                                        Device device) {
  std::vector<Tensor> leaves;
  for (const Tensor& x : inputs) leaves.push_back(require_grad(x.to(device).detach()));
  const Tensor y = sample.call(leaves);
  Tensor cotangent = Tensor::empty(y.shape(), Dtype::f64);
  fill_normal(cotangent, {.seed = 11, .stream = stream_of("device_ops_test")}, 0, 1);
  std::vector<Tensor> results{y.detach().to(Device::cpu)};
  // As f32 for both precisions, so that both get the same numbers.
  backward(y, cotangent.to(Dtype::f32).to(y.dtype()).to(device));
  for (const Tensor& x : leaves) results.push_back(grad(x).to(Device::cpu));
  return results;
}

std::vector<Tensor> in_dtype(const std::vector<Tensor>& values, Dtype dtype) {
  std::vector<Tensor> out;
  for (const Tensor& x : values) out.push_back(x.to(Dtype::f32).to(dtype));
  return out;
}

double norm(const std::vector<double>& a) {
  double sum = 0;
  for (const double v : a) sum += v * v;
  return std::sqrt(sum);
}

std::vector<double> difference(std::vector<double> a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

class DeviceOps : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (const std::string error = device_error(); !error.empty()) GTEST_SKIP() << error;
  }
  static const OpCase& op() {
    for (const OpCase& op : op_cases())
      if (op.name == GetParam()) return op;
    throw Error("no such case: " + GetParam());
  }
};

/// Values and gradients of all samples agree to `limit`, relative in the Euclidean norm. The
/// gradients of one sample share a scale: one may be truly zero.
void expect_agreement(const OpCase& op, Dtype dtype, double limit) {
  for (const OpSample& sample : op.samples) {
    const std::vector<Tensor> inputs = sample.inputs(0);
    const auto right = value_and_gradients(sample, in_dtype(inputs, Dtype::f64), Device::cpu);
    const auto got = value_and_gradients(sample, in_dtype(inputs, dtype), Device::cuda);
    ASSERT_EQ(got.size(), right.size());
    double scale = 0;
    for (size_t i = 1; i < right.size(); ++i) scale = std::max(scale, norm(right[i].to_doubles()));
    for (size_t i = 0; i < right.size(); ++i) {
      if (i > 0 && sample.ill_conditioned && dtype == Dtype::f32) continue;
      ASSERT_EQ(got[i].shape(), right[i].shape()) << sample.name;
      const std::vector<double> a = got[i].to_doubles(), b = right[i].to_doubles();
      // Normalising a single value multiplies rounding errors of a gradient that is zero by
      // 1/sqrt(eps).
      const double floor = i == 0 ? 0 : (sample.ill_conditioned ? 1 : 1e-3) * scale;
      const double size = std::max(norm(b), floor);
      EXPECT_LE(norm(difference(a, b)), limit * size)
          << sample.name << ", " << (i == 0 ? "value" : "gradient " + std::to_string(i - 1));
    }
  }
}

TEST_P(DeviceOps, AgreeWithTheCpuInDouble) { expect_agreement(op(), Dtype::f64, 1e-11); }

TEST_P(DeviceOps, AgreeWithTheCpuInSingle) { expect_agreement(op(), Dtype::f32, 5e-6); }

TEST_P(DeviceOps, GiveTheSameBitsEveryTime) {
  for (const OpSample& sample : op().samples) {
    const std::vector<Tensor> inputs = in_dtype(sample.inputs(0), Dtype::f32);
    const auto first = value_and_gradients(sample, inputs, Device::cuda);
    run_again([&] {
      const auto second = value_and_gradients(sample, inputs, Device::cuda);
      for (size_t i = 0; i < first.size(); ++i)
        EXPECT_EQ(std::memcmp(first[i].raw(), second[i].raw(), first[i].bytes()), 0)
            << sample.name << ", result " << i;
    });
  }
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const OpCase& op : op_cases()) all.push_back(op.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Table, DeviceOps, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

#ifdef PIXELGRAD_CUDA_EMULATED
TEST(DeviceMatmul, OneThreadOfTheHostAsksForSmallMatrices) {
  set_num_threads(4);
  const Tensor a = require_grad(Tensor::full({40, 3, 4}, 1, Dtype::f32, Device::cuda));
  const Tensor b = require_grad(Tensor::full({40, 4, 2}, 2, Dtype::f32, Device::cuda));
  const size_t threads = emulator::launching_threads();
  const Tensor c = matmul(a, b);
  backward(c, Tensor::full({40, 3, 2}, 1, Dtype::f32, Device::cuda));
  EXPECT_EQ(emulator::launching_threads(), threads);
  for (const double value : c.to_doubles()) EXPECT_EQ(value, 8);
  for (const double value : grad(a).to_doubles()) EXPECT_EQ(value, 4);
  for (const double value : grad(b).to_doubles()) EXPECT_EQ(value, 3);
}
#endif

}  // namespace
}  // namespace pixelgrad
