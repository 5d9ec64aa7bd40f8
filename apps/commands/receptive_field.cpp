#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/engine/model_source.h"
#include "apps/engine/network_flags.h"
#include "data/heat_map.h"
#include "data/image_io.h"
#include "layers/init.h"
#include "models/effective_receptive_field.h"
#include "models/registry.h"

namespace pixelgrad {
namespace {

using Json = nlohmann::ordered_json;

constexpr Rgb theoretical_color{90, 200, 250}, effective_color{120, 240, 120};
constexpr double drawn_share = 0.9;
constexpr double listed_shares[] = {0.5, drawn_share, 0.95, 0.99};

struct Flags {
  NetworkFlags network;
  ModelSource trained;
  std::string scale = "log", out;
  double decades = 4;
  int64_t images = 8, zoom = 0;
  uint64_t seed = 0;
};

/// The network that the flags name: of a training run or a file of weights, or with first values.
std::unique_ptr<SegmentationModel> model_of(const Flags& f) {
  const bool of_run = !f.trained.run.empty() || !f.trained.checkpoint.empty();
  check<UsageError>(of_run == f.network.name.empty(), "[receptive-field] ",
                    of_run ? "a network and a training run are named, expected one of them"
                           : "the network is missing: its name (summary --list), --run or "
                             "--checkpoint");
  if (of_run) return restore_model(f.trained.read());
  if (f.trained.weights.empty()) {
    const InitScope first_values(f.seed);
    return make_model(f.network.model());
  }
  ModelSource file = f.trained;
  file.model = f.network.name;
  file.model_options = f.network.options;
  file.classes = f.network.classes;
  return restore_model(file.read());
}

/// Standard normal noise of the smallest size that holds --input and that the network takes.
Tensor noise(const SegmentationModel& model, const Flags& f) {
  const ImageSize size = f.network.size();
  const InputPadding add = model.input_padding(size.height, size.width);
  Tensor images = Tensor::empty({f.images, add.top + size.height + add.bottom,
                                 add.left + size.width + add.right, model.config().in_channels},
                                Dtype::f64);
  fill_normal(images, {f.seed, stream_of("receptive-field")}, 0, 1);
  return images;
}

bool is_whole(const EffectiveReceptiveField& field) {
  const PixelBox& box = field.theoretical;
  return box.height == field.density.shape(0) && box.width == field.density.shape(1);
}

HeatMapFrame frame(const PixelBox& box, Rgb color) {
  return {box.top, box.left, box.height, box.width, color};
}

Image picture(const EffectiveReceptiveField& field, const Flags& f) {
  // Small images get large pixels.
  const int64_t side = std::max(field.density.shape(0), field.density.shape(1));
  return heat_map(field.density,
                  {.scale = f.scale == "log" ? HeatScale::logarithmic : HeatScale::square_root,
                   .decades = f.decades,
                   .zoom = f.zoom > 0 ? f.zoom : std::clamp<int64_t>(384 / side, 1, 12),
                   .frames = {frame(field.theoretical, theoretical_color),
                              frame(smallest_box(field, drawn_share).box, effective_color)}});
}

Json to_json(const PixelBox& box) {
  return {{"top", box.top}, {"left", box.left}, {"height", box.height}, {"width", box.width}};
}

Json to_json(const ModelConfig& config, const EffectiveReceptiveField& field, const Flags& f) {
  Json boxes = Json::array();
  for (const double share : listed_shares) {
    const CenteredBox smallest = smallest_box(field, share);
    boxes.push_back({{"share", share}, {"side", smallest.side}, {"box", to_json(smallest.box)}});
  }
  Json out{{"model", config.name},
           {"options", config.options},
           {"image", {field.density.shape(0), field.density.shape(1)}},
           {"images", f.images},
           {"output_pixel", {field.output.y, field.output.x}},
           {"center", {field.center.y, field.center.x}},
           {"theoretical", to_json(field.theoretical)},
           {"whole_image", is_whole(field)},
           {"share_inside_theoretical", share_inside(field, field.theoretical)},
           {"effective", boxes}};
  if (!f.out.empty()) out["picture"] = f.out;
  return out;
}

void print_table(const EffectiveReceptiveField& field, const Flags& f) {
  const PixelBox& box = field.theoretical;
  std::printf("image            %ldx%ld, output pixel (%ld, %ld), mean over %ld images of noise\n",
              static_cast<long>(field.density.shape(0)), static_cast<long>(field.density.shape(1)),
              static_cast<long>(field.output.y), static_cast<long>(field.output.x),
              static_cast<long>(f.images));
  std::printf("theoretical      %ldx%ld at (%ld, %ld)%s: holds %.6g %% of the gradient\n",
              static_cast<long>(box.height), static_cast<long>(box.width),
              static_cast<long>(box.top), static_cast<long>(box.left),
              is_whole(field) ? ", the whole image" : "", 100 * share_inside(field, box));
  for (const double share : listed_shares) {
    const auto side = static_cast<long>(smallest_box(field, share).side);
    std::printf("%-16s within %ldx%ld around (%ld, %ld)\n", str(100 * share, " %").c_str(), side,
                side, static_cast<long>(field.center.y), static_cast<long>(field.center.x));
  }
  if (!f.out.empty())
    std::printf(
        "picture          %s (%s scale%s; blue: theoretical, green: %g %%; gray: exactly 0)\n",
        f.out.c_str(), f.scale.c_str(),
        f.scale == "log" ? str(", ", f.decades, " decades").c_str() : "", 100 * drawn_share);
}

}  // namespace

void add_receptive_field_command(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  Flags& f = *flags;
  CLI::App* cmd = app.add_subcommand(
      "receptive-field",
      "What the middle pixel of a network's output sees: the gradient by the image's pixels, as "
      "numbers and as a picture (docs/lessons/01-context.md)");
  f.network.input = "256x256";  // computed in full, unlike a summary
  f.network.bind(*cmd);
  f.trained.bind_files(*cmd);
  for (const char* of_a_run : {"--run", "--checkpoint"})
    for (const char* network : {"--classes", "--in-channels", "--option"})
      cmd->get_option(of_a_run)->excludes(network);
  cmd->get_option("--weights")->excludes("--in-channels");
  cmd->add_option("--images", f.images, "Images of noise to average over")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  cmd->add_option("--seed", f.seed, "Of the noise, and of the first values of a network")
      ->capture_default_str();
  cmd->add_option("--out", f.out, "Draw a heat map into this PNG file");
  cmd->add_option("--scale", f.scale, "Of the heat map: log or sqrt")
      ->check(CLI::IsMember({"log", "sqrt"}))
      ->capture_default_str();
  cmd->add_option("--decades", f.decades, "From black to the largest value, on the scale log")
      ->check(CLI::Range(0.1, 300.0))
      ->capture_default_str();
  cmd->add_option("--zoom", f.zoom,
                  "Pixels of the picture for a pixel of the image (default: by the size)")
      ->check(CLI::Range(1, 64));
  cmd->callback([flags, &common] {
    const auto model = model_of(*flags);
    model->to(Dtype::f64);
    const EffectiveReceptiveField field =
        effective_receptive_field(*model, noise(*model, *flags), {.seed = flags->seed});
    if (!flags->out.empty()) write_png(flags->out, picture(field, *flags));
    if (common.json)
      std::printf("%s\n", to_json(model->config(), field, *flags).dump().c_str());
    else
      print_table(field, *flags);
  });
}

}  // namespace pixelgrad
