#include "apps/engine/version.h"

#include "tensor/check.h"
#include "tensor/device.h"
#include "tensor/kernels/target.h"

namespace pixelgrad {

std::string version_text() {
  return str("pixelgrad ", PIXELGRAD_VERSION, " (commit ", PIXELGRAD_COMMIT, ", ",
#if defined(__clang__)
             "clang ", __clang_major__, ".", __clang_minor__,
#else
             "g++ ", __GNUC__, ".", __GNUC_MINOR__,
#endif
             ", ", kernels::simd_target(), has_cuda ? ", CUDA)" : ", CPU only)");
}

}  // namespace pixelgrad
