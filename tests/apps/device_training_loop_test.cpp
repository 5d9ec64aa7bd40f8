// The training loop on the CUDA backend: the host is ahead of the device and does not wait for it,
// and whatever the device is late with, the run is the same to the last bit.
#include <emulator/control.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "apps/engine/trainer.h"
#include "data/image_io.h"
#include "data/label_png.h"
#include "tensor/random.h"
#include "tests/cuda/paces.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using testing::file_bytes;
using ::testing::HasSubstr;
using testing::ScratchFolder;

class DeviceTrainingLoop : public ::testing::Test {
 protected:
  void TearDown() override { set_pace(false, false); }

  /// Noise with two classes.
  std::string make_data(int64_t images, int64_t height, int64_t width) const {
    const auto root = folder_ / ("data" + std::to_string(images));
    const auto write = [&](const char* split, int64_t count) {
      std::filesystem::create_directories(root / split / "images");
      std::filesystem::create_directories(root / split / "masks");
      for (int64_t i = 0; i < count; ++i) {
        const std::string name = std::to_string(i) + ".png";
        Image photo(height, width, 3);
        LabelMap labels(height, width);
        for (size_t k = 0; k < photo.pixels.size(); ++k)
          photo.pixels[k] = static_cast<uint8_t>(mix(static_cast<uint64_t>(i), k));
        for (size_t k = 0; k < labels.ids.size(); ++k) labels.ids[k] = photo.pixels[3 * k] > 127;
        write_png(root / split / "images" / name, photo);
        write_label_png(root / split / "masks" / name, labels);
      }
    };
    write("train", images);
    write("val", 1);
    std::ofstream(root / "classes.txt") << "dark\nbright\n";
    return root;
  }

  /// A run of one epoch, in batches of two images.
  TrainRequest request(const std::string& run, const std::string& data) const {
    TrainRequest r;
    r.config.data = data;
    r.config.model_options = {{"width", "2"}, {"depth", "1"}, {"dropout", "0.1"}};
    r.config.epochs = 1;
    r.config.batch_size = 2;
    r.config.clip_norm = 0.5;
    r.config.loss = "cross_entropy+0.5*dice";
    r.device = Device::cuda;
    r.panel_images = 0;
    r.verbosity.quiet = true;
    r.out = folder_ / run;
    return r;
  }

  std::string checkpoint(const std::string& run) const {
    return file_bytes(folder_ / run / last_checkpoint);
  }

  ScratchFolder folder_;
};

TEST_F(DeviceTrainingLoop, TheHostDoesNotWaitForSteps) {
  bool graphs = true;
  const auto waits = [&](int64_t steps, int64_t height, int64_t width, const std::string& loss) {
    TrainRequest r = request("counted", make_data(2 * steps, height, width));
    r.overwrite = true;
    r.config.loss = loss;
    r.cuda_graph = graphs;
    const int64_t before = emulator::host_waits();
    train(r);
    return emulator::host_waits() - before;
  };
  const auto expect_as_many = [&](int64_t height, int64_t width, const std::string& loss) {
    SCOPED_TRACE(loss);
    waits(5, height, width, loss);  // takes the memory that is kept
    const int64_t few = waits(5, height, width, loss);
    EXPECT_GT(few, 0);  // begin and end, and the validation
    EXPECT_EQ(waits(6, height, width, loss), few);
  };
  set_pace(true, true);
  // A batch is more than CUDA takes from pageable memory without a wait.
  static_assert(2 * 48 * 64 * 3 * sizeof(float) > 64 * 1024);
  expect_as_many(48, 64, "cross_entropy");
  expect_as_many(8, 12, "cross_entropy+focal+ohem+dice+lovasz");
  graphs = false;
  expect_as_many(8, 12, "cross_entropy");
}

TEST_F(DeviceTrainingLoop, AStepIsOneLaunchOfTheRunsOneExecutable) {
  const auto expect_counts = [&](int64_t images, const std::string& loss, bool graphs,
                                 int64_t launches) {
    SCOPED_TRACE(loss);
    TrainRequest r = request("counted", make_data(images, 8, 12));
    r.overwrite = true;
    r.config.epochs = 2;
    r.config.loss = loss;
    r.cuda_graph = graphs;
    const emulator::GraphCounts before = emulator::graph_counts();
    train(r);
    const emulator::GraphCounts after = emulator::graph_counts();
    EXPECT_EQ(after.launches - before.launches, launches);
    EXPECT_EQ(after.instantiations - before.instantiations, launches > 0 ? 1 : 0);
    EXPECT_EQ(after.refused_updates, before.refused_updates);
    EXPECT_EQ(after.executables, before.executables);
  };
  expect_counts(8, "cross_entropy", true, 8 - 2);
  expect_counts(9, "cross_entropy", true, 10 - 2);  // with a smaller last batch
  expect_counts(8, "cross_entropy+focal+ohem+dice+lovasz", true, 8 - 2);
  expect_counts(8, "cross_entropy", false, 0);
}

TEST_F(DeviceTrainingLoop, ARunIsTheSameAtEveryPaceOfTheDevice) {
  const std::string data = make_data(9, 8, 12);  // the last batch is smaller
  const auto two_epochs = [&](const std::string& run, bool graphs) {
    TrainRequest r = request(run, data);
    r.config.epochs = 2;  // each with a validation
    r.cuda_graph = graphs;
    return r;
  };
  train(two_epochs("whole", false));
  const std::string expected = checkpoint("whole");
  ASSERT_FALSE(expected.empty());
  const auto expect_same = [&](bool kernels, bool copies, bool graphs) {
    set_pace(kernels, copies);
    const std::string run =
        std::string(graphs ? "graphs" : "without") + (kernels ? "_k" : "") + (copies ? "_c" : "");
    TrainRequest r = two_epochs(run, graphs);
    r.save_every = 3;
    r.stop_after = 4;  // saves with steps under way
    EXPECT_FALSE(train(r).finished);
    r.stop_after = 0;
    r.resume = true;
    EXPECT_TRUE(train(r).finished);
    EXPECT_TRUE(checkpoint(run) == expected) << run;
  };
  for (const bool kernels : {false, true})
    for (const bool copies : {false, true}) expect_same(kernels, copies, /*graphs=*/true);
  expect_same(true, true, /*graphs=*/false);
}

/// A learning rate at which everything overflows soon.
TEST_F(DeviceTrainingLoop, ANumberThatIsNotFiniteEndsTheRunAsOnTheCpu) {
  const std::string data = make_data(24, 16, 24);
  const auto message = [&](const std::string& run, Device device, bool graphs = true) {
    TrainRequest r = request(run, data);
    r.device = device;
    r.cuda_graph = graphs;
    r.save_every = 1;
    r.config.optimizer = "sgd";
    r.config.schedule = "constant";
    r.config.clip_norm = 0;
    r.config.lr = 1e12;
    r.config.loss = "cross_entropy";
    try {
      train(r);
    } catch (const NonFiniteError& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  // Step and file; what else is said has rounded numbers.
  const auto place = [](const std::string& text) { return text.substr(0, text.find(": ")); };
  const std::string right = message("cpu", Device::cpu);
  EXPECT_THAT(right, HasSubstr(" at step "));
  EXPECT_THAT(right, HasSubstr("output"));
  const int64_t step = read_checkpoint(folder_ / "cpu" / last_checkpoint).state.step;
  EXPECT_GE(step, 2);  // the next one fails, and is a graph
  for (const bool graphs : {false, true})
    for (const bool late : {false, true}) {
      set_pace(late, late);
      const std::string run = std::string(late ? "late" : "at_once") + (graphs ? "_graphs" : "");
      const std::string got = message(run, Device::cuda, graphs);
      EXPECT_EQ(place(got), place(right)) << got;
      EXPECT_THAT(got, HasSubstr("output"));
      EXPECT_EQ(read_checkpoint(folder_ / run / last_checkpoint).state.step, step);
    }
}

}  // namespace
}  // namespace pixelgrad
