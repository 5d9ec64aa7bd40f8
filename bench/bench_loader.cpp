// How many images a second the loader has ready for a training loop, with the flags of `train`:
//
//   build/release/bench/bench_loader --data nuclei --crop 256 256 --scale 0.5 2 --jitter 0.4
//
// bench/README.md says what the figures mean.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "apps/engine/data_flags.h"
#include "apps/engine/recipe.h"
#include "apps/engine/version.h"
#include "bench/machine.h"
#include "bench/median.h"
#include "bench/program.h"
#include "tensor/check.h"

namespace pixelgrad::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  TrainConfig config;
  std::vector<int> workers;
  double seconds = 3;
  bool json = false;
};

std::unique_ptr<Dataset> open(const TrainConfig& config, int64_t cache_bytes) {
  DatasetOptions options = dataset_options(config, "train");
  options.cache_bytes = cache_bytes;
  return open_dataset(options);
}

/// Seconds of one thread for an image, the median of `count` images.
struct Parts {
  double read, augment, scale;
};

Parts parts(const Dataset& data, const LoaderOptions& options, int64_t count) {
  std::vector<double> read, augmented, scaled;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    const double start = wall_seconds();
    Sample s = data.load(i);
    const double loaded = wall_seconds();
    augment(s.image, s.labels, options.augment,
            {.seed = options.seed, .step = static_cast<uint64_t>(i)});
    const double changed = wall_seconds();
    values.resize(s.image.pixels.size());
    options.normalization.apply(s.image, values.data(), s.image.width * 3);
    const double end = wall_seconds();
    read.push_back(loaded - start);
    augmented.push_back(changed - loaded);
    scaled.push_back(end - changed);
  }
  return {median(read), median(augmented), median(scaled)};
}

/// Images a second that next() gives to a loop that does nothing else, epoch after epoch.
double rate(const Dataset& data, LoaderOptions options, int workers, double seconds) {
  options.workers = workers;
  options.prefetch = 2 * workers;
  Loader loader(data, options);
  int64_t images = 0;
  double start = 0;
  for (int64_t epoch = 0;; ++epoch) {
    loader.start_epoch(epoch);
    while (const auto batch = loader.next()) {
      const double now = wall_seconds();
      if (start == 0) {  // the first batch is waited for, and those under way with it
        start = now;
        continue;
      }
      images += static_cast<int64_t>(batch->files.size());
      if (now - start >= seconds) return static_cast<double>(images) / (now - start);
    }
  }
}

int run(const Options& options) {
  if (options.config.data.empty())
    throw UsageError("--data is missing; expected a data set's folder, or streets");
  const auto files = open(options.config, 0);
  const auto memory = open(options.config, int64_t{1} << 40);
  const LoaderOptions loader =
      loader_options(options.config, make_normalization(options.config.normalize, *files), 1);
  const int64_t count = std::min<int64_t>(files->size(), 100);
  const Parts one = parts(*files, loader, count);
  for (int64_t i = 0; i < memory->size(); ++i) memory->load(i);

  std::vector<int> workers = options.workers;
  if (workers.empty()) {
    workers = {1};
    const int all = static_cast<int>(std::thread::hardware_concurrency());
    if (all > 1) workers.push_back(all);
  }
  Json rows = Json::array();
  for (const int w : workers)
    rows.push_back({{"workers", w},
                    {"images_per_second_files", rate(*files, loader, w, options.seconds)},
                    {"images_per_second_memory", rate(*memory, loader, w, options.seconds)}});
  const Sample first = files->load(0);
  const Json out{{"program", "bench_loader"},
                 {"date", utc_now()},
                 {"processor", processor()},
                 {"version", version_text()},
                 {"data", options.config.data},
                 {"images", files->size()},
                 {"first_image", {first.image.height, first.image.width}},
                 {"read_ms", 1e3 * one.read},
                 {"augment_ms", 1e3 * one.augment},
                 {"scale_ms", 1e3 * one.scale},
                 {"rows", rows}};
  if (options.json) {
    std::printf("%s\n", out.dump(1).c_str());
    return 0;
  }
  std::printf("%s; %s\n", processor().c_str(), version_text().c_str());
  std::printf("%s, %lld images, the first of %lldx%lld\n", options.config.data.c_str(),
              static_cast<long long>(files->size()), static_cast<long long>(first.image.height),
              static_cast<long long>(first.image.width));
  std::printf("one thread, an image: read and decoded %.2f ms, augmented %.2f ms, scaled %.2f ms\n",
              1e3 * one.read, 1e3 * one.augment, 1e3 * one.scale);
  std::printf("%8s %20s %20s\n", "workers", "from files", "from memory");
  for (const Json& row : rows)
    std::printf("%8d %11.1f images/s %11.1f images/s\n", row["workers"].get<int>(),
                row["images_per_second_files"].get<double>(),
                row["images_per_second_memory"].get<double>());
  return 0;
}

int run_main(int argc, char** argv) {
  CLI::App app("Images a second that the loader has ready for a training loop.", "bench_loader");
  Options options;
  bind_data_flags(app, options.config);
  bind_augmentation_flags(app, options.config);
  app.add_option("--batch-size", options.config.batch_size, "Images a step")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--workers", options.workers,
                 "Threads that load images; several numbers are tried in turn (default: 1, and as "
                 "many as there are processors)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--seconds", options.seconds, "For how long each is measured")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print a JSON object");
  return run_program(app, argc, argv, [&] { return run(options); });
}

}  // namespace
}  // namespace pixelgrad::bench

int main(int argc, char** argv) { return pixelgrad::bench::run_main(argc, argv); }
