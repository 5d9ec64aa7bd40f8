#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pixelgrad {

using Options = std::map<std::string, std::string>;

/// Everything that decides what a training run computes. Stored in the run folder and in every
/// checkpoint; a run is repeated bit for bit from it, whatever the number of threads.
struct TrainConfig {
  // Data
  std::string data;              ///< a folder, or "streets"
  std::string format = "auto";   ///< auto, folder, pairs, camvid, label_colors, segnet, cityscapes
  std::string labels = "";       ///< which classes, where a format has several sets
  bool prune_specks = false;     ///< pairs: drop colours that an image shows only at borders
  std::string label_cache = "";  ///< pairs: folder for labels already converted; changes no result
  std::string split_rule = "";   ///< how to split a folder that has no splits: tail:20%, random:20%
  std::vector<int64_t> size = {};    ///< streets: height and width
  int64_t count = 0;                 ///< streets: training scenes
  std::vector<int64_t> resize = {};  ///< folders: height and width that all samples are brought to

  // Model
  std::string target = "class";  ///< class, or rgb: pairs, to paint the label (painting.h)
  std::string model = "unet";
  Options model_options;
  std::string weights = "";  ///< a file that the first values come from; see load_weights

  // Recipe. With these defaults a width-16 U-Net learns the nuclei in 15 epochs.
  int64_t epochs = 30;
  int64_t batch_size = 4;
  std::string optimizer = "adamw";  ///< sgd, adam, adamw
  double lr = 4e-3;                 ///< the schedule's peak
  double weight_decay = 1e-2;
  double momentum = 0.9;               ///< sgd
  bool nesterov = false;               ///< sgd
  std::string schedule = "one_cycle";  ///< constant, poly, step, cosine, one_cycle
  int64_t warmup_steps = 0;
  double clip_norm = 0;  ///< largest global gradient norm; 0: no clipping
  /// cross_entropy, focal, ohem, dice, jaccard, tversky, lovasz, or a sum; for target rgb: mse
  std::string loss = "cross_entropy";
  double label_smoothing = 0;           ///< cross_entropy
  std::string class_weights = "none";   ///< none, or a rule of class_weights.h
  std::string normalize = "per_image";  ///< per_image, dataset, imagenet, unit
  std::string flip = "horizontal";      ///< none, horizontal, both
  std::vector<double> scale = {};       ///< random scale, low and high
  double rotate = 0;                    ///< random rotation, degrees to either side
  double jitter = 0;               ///< random brightness, contrast, saturation: up to this fraction
  std::vector<int64_t> crop = {};  ///< random crop, height and width
  uint64_t seed = 0;
  int64_t validate_every = 1;  ///< epochs from one validation to the next; the last has one always

  std::string conv_algo = "auto";       ///< auto, direct, winograd: they differ by rounding
  std::string precision = "f32";        ///< f32, tf32, bf16
  bool checkpoint_activations = false;  ///< less memory, more time, the same bits
};

/// One JSON object; from_json(to_json(c)) equals c. Unknown or mistyped keys throw CheckpointError;
/// a missing one, as in the file of an earlier version, leaves the default.
std::string to_json(const TrainConfig& config);
TrainConfig train_config_from_json(const std::string& text);

}  // namespace pixelgrad
