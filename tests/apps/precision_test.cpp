// --precision, on processors that there may not be at hand.
#include "apps/engine/precision.h"

#include <gtest/gtest.h>

#include "tensor/check.h"
#include "tensor/kernels/conv2d.h"

namespace pixelgrad {
namespace {

using kernels::Precision;

class ChoosePrecision : public ::testing::Test {
 protected:
  void TearDown() override { kernels::set_precision(Precision::f32); }

  /// What the choice makes of f32.
  static std::string chosen(const std::string& name, Device device, bool bf16_instructions) {
    kernels::set_precision(Precision::f32);
    try {
      choose_precision(name, device, bf16_instructions);
    } catch (const UsageError& e) {
      EXPECT_EQ(kernels::precision(), Precision::f32);
      return e.what();
    }
    EXPECT_EQ(kernels::precision(), kernels::precisions().at(name));
    return "taken";
  }
};

TEST_F(ChoosePrecision, ACpuTakesBf16WhereItHasInstructionsForIt) {
  EXPECT_EQ(chosen("f32", Device::cpu, false), "taken");
  EXPECT_EQ(chosen("bf16", Device::cpu, true), "taken");
  EXPECT_EQ(chosen("bf16", Device::cpu, false),
            "[--precision] bf16: this processor has no bf16 instructions (AVX512_BF16, AMX-BF16 or "
            "Arm's), expected f32 or --device cuda");
}

TEST_F(ChoosePrecision, Tf32IsForGpus) {
  EXPECT_EQ(chosen("tf32", Device::cpu, true),
            "[--precision] tf32 needs --device cuda, expected f32 or bf16 on a CPU");
  EXPECT_EQ(chosen("tf32", Device::cuda, false), "taken");
  EXPECT_EQ(chosen("bf16", Device::cuda, false), "taken");
  EXPECT_EQ(chosen("f8", Device::cpu, true), "[--precision] got 'f8', expected f32, tf32 or bf16");
}

}  // namespace
}  // namespace pixelgrad
