#include "layers/upsample.h"

namespace pixelgrad {

Upsample::Upsample(Options options) : options_(options) {
  check<UsageError>(options_.scale_factor >= 1, "[upsample] scale_factor is ",
                    options_.scale_factor, ", expected at least 1");
  check<UsageError>(options_.mode != UpsampleMode::nearest || !options_.align_corners,
                    "[upsample] align_corners is set, but the mode is nearest, expected bilinear "
                    "or bicubic");
}

Tensor Upsample::forward(const Tensor& x) {
  return upsample_scale(x, options_.scale_factor,
                        {.mode = options_.mode, .align_corners = options_.align_corners});
}

std::string Upsample::describe() const {
  const char* mode = options_.mode == UpsampleMode::nearest    ? "nearest"
                     : options_.mode == UpsampleMode::bilinear ? "bilinear"
                                                               : "bicubic";
  return str("Upsample(x", options_.scale_factor, ", ", mode,
             options_.align_corners ? ", align_corners)" : ")");
}

PixelShuffle::PixelShuffle(Options options) : options_(options) {
  check<UsageError>(options_.upscale_factor >= 1, "[pixel_shuffle] upscale_factor is ",
                    options_.upscale_factor, ", expected at least 1");
}

std::string PixelShuffle::describe() const {
  return str("PixelShuffle(", options_.upscale_factor, ")");
}

}  // namespace pixelgrad
