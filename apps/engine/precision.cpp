#include "apps/engine/precision.h"

#include "tensor/check.h"
#include "tensor/kernels/conv2d.h"

namespace pixelgrad {

void choose_precision(const std::string& name, Device device, bool bf16_instructions) {
  const auto found = kernels::precisions().find(name);
  check<UsageError>(found != kernels::precisions().end(), "[--precision] got '", name,
                    "', expected f32, tf32 or bf16");
  const kernels::Precision precision = found->second;
  if (device == Device::cpu) {
    check<UsageError>(precision != kernels::Precision::tf32,
                      "[--precision] tf32 needs --device cuda, expected f32 or bf16 on a CPU");
    check<UsageError>(precision != kernels::Precision::bf16 || bf16_instructions,
                      "[--precision] bf16: this processor has no bf16 instructions (AVX512_BF16, "
                      "AMX-BF16 or Arm's), expected f32 or --device cuda");
  }
  kernels::set_precision(precision);
}

}  // namespace pixelgrad
