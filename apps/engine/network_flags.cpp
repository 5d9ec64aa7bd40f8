#include "apps/engine/network_flags.h"

#include <charconv>

#include "apps/engine/recipe.h"

namespace pixelgrad {
namespace {

constexpr int64_t max_side = 32768;

}  // namespace

void NetworkFlags::bind(CLI::App& command) {
  command.add_option("model", name, "The network (summary --list names them)");
  command.add_option("--classes", classes, "Channels of the logits")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_option("--in-channels", in_channels, "Channels of the images")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_option("--input", input, "Height and width of the image, as HEIGHTxWIDTH")
      ->capture_default_str();
  command
      .add_option("--option,--model-option", options,
                  "Any option of the network, as NAME=VALUE; may be repeated")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

ModelConfig NetworkFlags::model() const {
  return {.name = name,
          .in_channels = in_channels,
          .classes = classes,
          .options = parse_model_options(options)};
}

ImageSize NetworkFlags::size() const {
  int64_t height = 0, width = 0;
  const char *begin = input.data(), *end = begin + input.size();
  const auto first = std::from_chars(begin, end, height);
  bool sound = first.ec == std::errc() && first.ptr != end && *first.ptr == 'x';
  if (sound) {
    const auto second = std::from_chars(first.ptr + 1, end, width);
    sound = second.ec == std::errc() && second.ptr == end;
  }
  const auto fits = [](int64_t side) { return side >= 1 && side <= max_side; };
  check<UsageError>(sound && fits(height) && fits(width), "[model] --input ", input,
                    ", expected HEIGHTxWIDTH such as 512x768, each 1 to ", max_side);
  return {height, width};
}

}  // namespace pixelgrad
