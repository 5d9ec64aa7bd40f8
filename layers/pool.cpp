#include "layers/pool.h"

namespace pixelgrad {
namespace {

/// What MaxPool2dSpec and AvgPool2dSpec share.
template <class Options>
std::string describe_window(const Options& o) {
  std::string text = str("kernel ", o.kernel_size);
  if (o.stride != 0) text += str(", stride ", o.stride);
  if (o.padding != 0) text += str(", padding ", o.padding);
  return text + (o.ceil_mode ? ", ceil_mode" : "");
}

}  // namespace

std::string MaxPool2d::describe() const {
  return str("MaxPool2d(", describe_window(options_),
             options_.dilation == 1 ? "" : str(", dilation ", options_.dilation), ")");
}

std::string AvgPool2d::describe() const {
  return str("AvgPool2d(", describe_window(options_), ")");
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(Options options) : options_(options) {
  check<UsageError>(options_.height >= 1 && options_.width >= 1, "[adaptive_avg_pool2d] size is ",
                    options_.height, " x ", options_.width, ", expected at least 1 x 1");
}

std::string AdaptiveAvgPool2d::describe() const {
  return str("AdaptiveAvgPool2d(", options_.height, " x ", options_.width, ")");
}

}  // namespace pixelgrad
