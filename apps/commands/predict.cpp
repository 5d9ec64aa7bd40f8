#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/engine/model_source.h"
#include "apps/engine/painting.h"
#include "apps/engine/panels.h"
#include "apps/engine/progress.h"
#include "data/image_io.h"
#include "data/label_png.h"

namespace pixelgrad {
namespace fs = std::filesystem;
namespace {

bool is_image(const fs::path& path) {
  std::string ext = path.extension().string();
  std::transform(ext.begin(), ext.end(), ext.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ext == ".png" || ext == ".jpg" || ext == ".jpeg";
}

/// Files as given, and the images in folders as given, sorted.
std::vector<fs::path> collect_images(const std::vector<std::string>& inputs) {
  std::vector<fs::path> out;
  for (const std::string& input : inputs) {
    if (!fs::is_directory(input)) {
      check<DataError>(fs::exists(input), input, ": no such file or folder");
      out.push_back(input);
      continue;
    }
    std::vector<fs::path> inside;
    for (const auto& entry : fs::directory_iterator(input))
      if (entry.is_regular_file() && is_image(entry.path())) inside.push_back(entry.path());
    check<DataError>(!inside.empty(), input, ": no PNG or JPEG in this folder");
    std::sort(inside.begin(), inside.end());
    out.insert(out.end(), inside.begin(), inside.end());
  }
  return out;
}

/// Two inputs with one name would overwrite each other's result.
void check_distinct_names(const std::vector<fs::path>& images) {
  std::map<std::string, fs::path> seen;
  for (const fs::path& path : images) {
    const auto [at, fresh] = seen.emplace(path.stem().string(), path);
    check<DataError>(fresh, at->second.string(), " and ", path.string(),
                     ": results would have the same name");
  }
}

}  // namespace

void add_predict_command(CLI::App& app, const CommonFlags& common) {
  struct Flags {
    ModelSource source;
    std::vector<std::string> inputs, save;
    std::string out = "predictions";
    double alpha = 0.5;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = app.add_subcommand("predict", "Label images of any size with a trained network");
  flags->source.bind(*cmd);
  cmd->add_option("images", flags->inputs, "PNG or JPEG files, or folders of them")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  cmd->add_option("--out", flags->out, "Folder for the results")->capture_default_str();
  cmd->add_option(
         "--save", flags->save,
         "What to write, several separated by commas: palette (indexed PNG in class "
         "colours), overlay (photo "
         "under the colours), ids (gray PNG of class ids), rgb (the picture that a network "
         "of --target rgb paints) [palette, or rgb]")
      ->delimiter(',')
      ->check(CLI::IsMember({"palette", "overlay", "ids", "rgb"}));
  cmd->add_option("--alpha", flags->alpha, "Share of the colour in an overlay")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  cmd->callback([flags, &common] {
    const std::vector<fs::path> images = collect_images(flags->inputs);
    check_distinct_names(images);
    const Checkpoint checkpoint = flags->source.read();
    const ModelCard& info = checkpoint.info;
    if (flags->save.empty()) flags->save = {info.paints ? "rgb" : "palette"};
    check<UsageError>(info.paints || std::count(flags->save.begin(), flags->save.end(), "rgb") == 0,
                      "[predict] --save rgb is for networks trained with --target rgb, this one "
                      "names classes; expected palette, overlay or ids");
    const auto model = restore_model(checkpoint);
    model->to(common.device);
    std::optional<NearestColors> nearest;
    if (info.paints) nearest = painted_classes(info.classes);
    const std::vector<Rgb> colors = colors_of(info.classes);
    const fs::path out = flags->out;
    fs::create_directories(out);
    Progress progress(Verbosity::detect(common.quiet), "predicting",
                      static_cast<int64_t>(images.size()));
    nlohmann::ordered_json written = nlohmann::ordered_json::array();
    for (size_t i = 0; i < images.size(); ++i) {
      const Image photo = read_image(images[i]);
      Image picture;
      LabelMap labels;
      if (info.paints) {
        picture = paint_picture(*model, info.normalization, photo);
        labels = classes_of(picture, *nearest);
      } else {
        labels = predict_labels(*model, info.normalization, photo);
      }
      const std::string name = images[i].stem().string();
      for (const std::string& kind : flags->save) {
        const fs::path path = out / (name + (kind == "palette" ? ".png" : "_" + kind + ".png"));
        if (kind == "palette") write_palette_png(path, labels, colors);
        if (kind == "rgb") write_png(path, picture);
        if (kind == "ids") write_label_png(path, labels);
        if (kind == "overlay") write_png(path, overlay(photo, labels, colors, flags->alpha));
        written.push_back(path.string());
      }
      const auto done = static_cast<int64_t>(i + 1);
      progress.update(done, done, "");
    }
    if (common.json)
      std::printf(
          "%s\n",
          nlohmann::ordered_json{{"images", images.size()}, {"files", written}}.dump().c_str());
    else
      std::printf("%zu files in %s\n", written.size(), out.string().c_str());
  });
}

}  // namespace pixelgrad
