// Time of turning colour labels that went through JPEG into class ids: all 2,975 training labels of
// the Cityscapes image pairs, 256x256 each, decoded.
//
//   build/release/bench/bench_data
//
// The labels are drawn here, so no data set is needed. bench/README.md says what the figures mean.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/engine/version.h"
#include "bench/machine.h"
#include "bench/median.h"
#include "bench/program.h"
#include "data/class_tables.h"
#include "data/image_io.h"
#include "data/readers/pair_labels.h"
#include "data/stb_unit.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad::bench {
namespace {

constexpr int64_t side = 256;

/// Rectangles in palette colours after a JPEG of quality 75 with halved colour planes, which leaves
/// about as many colours as real labels have. Deterministic.
Image blurred_label(const ColorTable& colors, uint64_t number) {
  Random random({.seed = number, .stream = stream_of("bench_data")});
  Image sharp(side, side, 3);
  for (int rectangle = 0; rectangle < 80; ++rectangle) {
    const Rgb color = colors.entries()[static_cast<size_t>(random.below(colors.size()))].color;
    const int64_t size = rectangle == 0 ? side : 4 + random.below(60);
    const int64_t top = random.below(side - size + 1), left = random.below(side - size + 1);
    for (int64_t y = top; y < top + size; ++y)
      for (int64_t x = left; x < left + size; ++x)
        std::copy(color.begin(), color.end(), sharp.at(y, x));
  }
  return decode_image(encode_jpeg_with_stb(sharp, 75), "label");
}

struct Options {
  std::string labels = "19";
  int64_t images = 2975;
  int rounds = 5;
  bool prune = false, json = false;
};

int run(const Options& options) {
  const ColorTable colors = options.labels == "30" ? cityscapes30_colors() : cityscapes19_colors();
  const auto count = static_cast<size_t>(options.images);
  constexpr size_t different = 200;
  std::vector<Image> labels(count);
  parallel_for(static_cast<int64_t>(std::min(count, different)), [&](int64_t i) {
    labels[static_cast<size_t>(i)] = blurred_label(colors, static_cast<uint64_t>(i));
  });
  for (size_t i = different; i < count; ++i) labels[i] = labels[i - different];

  const double start = wall_seconds();
  const readers::PairLabels convert(colors, options.prune);
  const double table = wall_seconds() - start;

  std::vector<LabelMap> ids(count);
  const auto convert_all = [&] {
    const double begin = wall_seconds();
    parallel_for(options.images, [&](int64_t i) {
      ids[static_cast<size_t>(i)] = convert(labels[static_cast<size_t>(i)]);
    });
    return wall_seconds() - begin;
  };
  const double first = convert_all();  // gets its memory from the system
  std::vector<double> times, peaks;
  for (int round = 0; round < options.rounds; ++round) {
    peaks.push_back(fma_peak(20e-3, 50e-3));
    times.push_back(convert_all());
  }
  const double typical = median(times), best = *std::min_element(times.begin(), times.end());
  const double peak = *std::max_element(peaks.begin(), peaks.end());
  const double pixels = static_cast<double>(options.images * side * side);
  int64_t ignored = 0;
  for (const LabelMap& map : ids)
    ignored += std::count(map.ids.begin(), map.ids.end(), ignore_label);

  if (options.json) {
    const nlohmann::ordered_json out{{"program", "bench_data"},
                                     {"date", utc_now()},
                                     {"processor", processor()},
                                     {"threads", num_threads()},
                                     {"version", version_text()},
                                     {"labels", options.labels},
                                     {"prune_specks", options.prune},
                                     {"images", options.images},
                                     {"seconds", typical},
                                     {"best_seconds", best},
                                     {"first_seconds", first},
                                     {"table_seconds", table},
                                     {"pixels_per_second", pixels / typical},
                                     {"ignored_share", static_cast<double>(ignored) / pixels},
                                     {"fma_peak_gflops", peak}};
    std::printf("%s\n", out.dump(1).c_str());
    return 0;
  }
  std::printf("%s, threads: %d; %s\n", processor().c_str(), num_threads(), version_text().c_str());
  std::printf("FMA peak %.1f GFLOP/s\n", peak);
  std::printf(
      "%lld labels of %lldx%lld, %lld colours%s: %.3f s (best %.3f, first %.3f), "
      "%.0f million pixels/s; table made in %.3f s; %.2f %% of the pixels ignored\n",
      static_cast<long long>(options.images), static_cast<long long>(side),
      static_cast<long long>(side), static_cast<long long>(colors.size()),
      options.prune ? ", pruned" : "", typical, best, first, pixels / typical / 1e6, table,
      100 * static_cast<double>(ignored) / pixels);
  return 0;
}

int run_main(int argc, char** argv) {
  CLI::App app("Speed of turning blurred colour labels into class ids.", "bench_data");
  Options options;
  app.add_option("--labels", options.labels, "Classes of Cityscapes: 19 or 30")
      ->check(CLI::IsMember({"19", "30"}))
      ->capture_default_str();
  app.add_option("--images", options.images, "Labels of 256x256; 200 are different")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Times that all are converted")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--prune-specks", options.prune, "Drop colours that a label shows only at borders");
  app.add_flag("--json", options.json, "Print a JSON object");
  return run_program(app, argc, argv, [&] { return run(options); });
}

}  // namespace
}  // namespace pixelgrad::bench

int main(int argc, char** argv) { return pixelgrad::bench::run_main(argc, argv); }
