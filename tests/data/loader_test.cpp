#include "data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "tensor/check.h"
#include "tests/data/memory_dataset.h"

namespace pixelgrad {
namespace {

using pixelgrad::testing::MemoryDataset;
using pixelgrad::testing::plain_sample;
using ::testing::ElementsAre;

/// Samples of 4x5 whose pixels differ from each other and between samples.
std::vector<Sample> samples(int count) {
  std::vector<Sample> list;
  for (int n = 0; n < count; ++n) {
    Sample s = plain_sample(4, 5, {0, 0, 0}, 0);
    for (size_t i = 0; i < s.image.pixels.size(); ++i)
      s.image.pixels[i] = static_cast<uint8_t>(31 * i + 7 * static_cast<size_t>(n));
    for (size_t i = 0; i < s.labels.ids.size(); ++i)
      s.labels.ids[i] = static_cast<uint8_t>((i + static_cast<size_t>(n)) % 3);
    list.push_back(std::move(s));
  }
  return list;
}

/// Everything that two batches must agree in, values included.
struct Seen {
  int64_t epoch, index;
  std::vector<int64_t> indices;
  std::vector<double> images, labels;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> rest_of_epoch(Loader& loader) {
  std::vector<Seen> all;
  while (const auto b = loader.next())
    all.push_back({b->epoch, b->index, b->indices, b->images.to_doubles(), b->labels.to_doubles()});
  return all;
}

LoaderOptions shuffled_and_augmented() {
  LoaderOptions o;
  o.batch_size = 3;
  o.shuffle = true;
  o.seed = 5;
  o.augment = {.horizontal_flip = 0.5, .scale_max = 1.5, .rotate = 15, .brightness = 0.3};
  return o;
}

TEST(Loader, PutsPixelsAndLabelsInPlace) {
  MemoryDataset data({plain_sample(2, 1, {51, 102, 255}, 2), plain_sample(2, 1, {0, 0, 51}, 1)});
  LoaderOptions options;
  options.batch_size = 2;
  Loader loader(data, options);
  loader.start_epoch(0);
  const auto batch = loader.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->images.shape(), (Shape{2, 2, 1, 3}));
  EXPECT_EQ(batch->labels.shape(), (Shape{2, 2, 1}));
  EXPECT_THAT(batch->images.span<float>(), ElementsAre(0.2f, 0.4f, 1, 0.2f, 0.4f, 1,  //
                                                       0, 0, 0.2f, 0, 0, 0.2f));
  EXPECT_THAT(batch->labels.span<int32_t>(), ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(batch->files, ElementsAre("sample 0", "sample 1"));
  EXPECT_FALSE(loader.next());
  EXPECT_FALSE(loader.next());
}

TEST(Loader, TargetsMoveWithTheImageButKeepTheirColours) {
  // The target is the photo: after the same flip, and without jitter, both must still agree.
  Sample tall = plain_sample(3, 1, {0, 0, 0}, 0), wide = plain_sample(1, 4, {0, 0, 0}, 0);
  for (Sample* s : {&tall, &wide}) {
    for (size_t i = 0; i < s->image.pixels.size(); ++i)
      s->image.pixels[i] = static_cast<uint8_t>(20 * i);
    s->target = s->image;
  }
  MemoryDataset data({wide, tall});
  LoaderOptions options{.batch_size = 2};
  options.augment.horizontal_flip = 1;
  const auto load = [&] {
    Loader loader(data, options);
    loader.start_epoch(0);
    return *loader.next();
  };
  const Batch flipped = load();
  EXPECT_EQ(flipped.targets.shape(), (Shape{2, 3, 4, 3}));
  EXPECT_THAT(flipped.targets.to_doubles(),  // 0 in the padding, too
              ::testing::Pointwise(::testing::DoubleNear(1e-6), flipped.images.to_doubles()));
  EXPECT_FLOAT_EQ(flipped.targets.data<float>()[0], 180.0f / 255);
  options.augment.brightness = 0.9;
  const Batch jittered = load();
  EXPECT_NE(jittered.images.to_doubles(), flipped.images.to_doubles());
  EXPECT_EQ(jittered.targets.to_doubles(), flipped.targets.to_doubles());

  MemoryDataset plain({plain_sample(2, 1, {1, 2, 3}, 2)});
  Loader loader(plain, {});
  loader.start_epoch(0);
  EXPECT_FALSE(loader.next()->targets.defined());
}

TEST(Loader, PadsToTheLargestOfTheBatchAndIgnoresThePadding) {
  MemoryDataset data({plain_sample(1, 2, {255, 255, 255}, 1), plain_sample(2, 1, {255, 0, 0}, 2)});
  LoaderOptions options;
  options.batch_size = 2;
  Loader loader(data, options);
  loader.start_epoch(0);
  const auto batch = loader.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->images.shape(), (Shape{2, 2, 2, 3}));
  EXPECT_THAT(batch->labels.span<int32_t>(), ElementsAre(1, 1, 255, 255, 2, 255, 2, 255));
  EXPECT_THAT(batch->images.span<float>(), ElementsAre(1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0,  //
                                                       1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0));
  EXPECT_THAT(batch->sizes, ElementsAre(ImageSize{1, 2}, ImageSize{2, 1}));
}

TEST(Loader, EveryNumberOfWorkersGivesTheSameBatches) {
  const MemoryDataset data(samples(20));
  std::vector<std::vector<Seen>> runs;
  for (const int workers : {0, 1, 4})
    for (const int64_t prefetch : {1, 5}) {
      LoaderOptions options = shuffled_and_augmented();
      options.workers = workers;
      options.prefetch = prefetch;
      Loader loader(data, options);
      std::vector<Seen> seen;
      for (const int64_t epoch : {0, 1}) {
        loader.start_epoch(epoch);
        const auto part = rest_of_epoch(loader);
        EXPECT_EQ(part.size(), 7u);
        seen.insert(seen.end(), part.begin(), part.end());
      }
      runs.push_back(std::move(seen));
    }
  for (const auto& run : runs) EXPECT_EQ(run, runs[0]);
}

TEST(Loader, EpochsCoverEverySampleOnceInTheirOwnOrder) {
  const MemoryDataset data(samples(20));
  Loader loader(data, shuffled_and_augmented());
  std::vector<std::vector<int64_t>> orders;
  std::map<int64_t, std::vector<double>> first_seen;
  for (const int64_t epoch : {0, 1}) {
    loader.start_epoch(epoch);
    auto& order = orders.emplace_back();
    while (const auto b = loader.next())
      order.insert(order.end(), b->indices.begin(), b->indices.end());
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
  }
  EXPECT_NE(orders[0], orders[1]);
}

// One sample, so that its order cannot differ: what changes is its augmentation.
TEST(Loader, AugmentationChangesWithTheEpochAndComesBack) {
  const MemoryDataset data(samples(1));
  LoaderOptions options = shuffled_and_augmented();
  Loader loader(data, options);
  std::vector<std::vector<double>> images;
  for (const int64_t epoch : {0, 1, 0}) {
    loader.start_epoch(epoch);
    images.push_back(loader.next()->images.to_doubles());
  }
  EXPECT_NE(images[0], images[1]);
  EXPECT_EQ(images[0], images[2]);
}

TEST(Loader, ResumesAtAnyBatchAsIfNeverInterrupted) {
  const MemoryDataset data(samples(20));
  Loader whole(data, shuffled_and_augmented());
  whole.start_epoch(3);
  const auto all = rest_of_epoch(whole);
  for (int64_t first = 0; first <= 7; ++first) {
    Loader resumed(data, shuffled_and_augmented());
    resumed.start_epoch(3, first);
    EXPECT_EQ(rest_of_epoch(resumed), std::vector<Seen>(all.begin() + first, all.end()));
  }
}

TEST(Loader, RestartingThrowsAwayWhatWasUnderWay) {
  const MemoryDataset data(samples(20));
  LoaderOptions options = shuffled_and_augmented();
  options.workers = 3;
  Loader loader(data, options);
  loader.start_epoch(1);
  const auto expected = rest_of_epoch(loader);
  for (int taken = 0; taken < 4; ++taken) {
    loader.start_epoch(0);
    for (int i = 0; i < taken; ++i) loader.next();
    loader.start_epoch(1);
    EXPECT_EQ(rest_of_epoch(loader), expected);
  }
}

TEST(Loader, LastBatchIsShortOrDropped) {
  const MemoryDataset data(samples(5));
  LoaderOptions options;
  options.batch_size = 2;
  Loader keeps(data, options);
  EXPECT_EQ(keeps.batches_per_epoch(), 3);
  keeps.start_epoch(0);
  EXPECT_EQ(rest_of_epoch(keeps).back().indices, std::vector<int64_t>{4});
  options.drop_last = true;
  Loader drops(data, options);
  EXPECT_EQ(drops.batches_per_epoch(), 2);
  drops.start_epoch(0);
  EXPECT_EQ(rest_of_epoch(drops).size(), 2u);
}

TEST(Loader, AnErrorComesAtItsBatchAndTheRestFollows) {
  const MemoryDataset data(samples(9), /*broken=*/4);
  for (const int workers : {0, 1, 3}) {
    LoaderOptions options;
    options.batch_size = 2;
    options.workers = workers;
    Loader loader(data, options);
    loader.start_epoch(0);
    EXPECT_EQ(loader.next()->index, 0);
    EXPECT_EQ(loader.next()->index, 1);
    try {
      loader.next();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const DataError& e) {
      EXPECT_STREQ(e.what(), "sample 4 is broken");
    }
    EXPECT_EQ(loader.next()->index, 3);
    EXPECT_EQ(loader.next()->index, 4);
    EXPECT_FALSE(loader.next());
  }
}

TEST(Loader, PrefetchBoundsWhatIsLoadedAhead) {
  MemoryDataset data(samples(50));
  LoaderOptions options;
  options.workers = 3;
  options.prefetch = 4;
  Loader loader(data, options);
  loader.start_epoch(0);
  while (data.reads < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(data.reads, 4);
  loader.next();
  while (data.reads < 5) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(data.reads, 5);
}

TEST(Loader, MayBeDestroyedAtAnyMoment) {
  const MemoryDataset data(samples(30));
  for (int taken = 0; taken < 10; ++taken) {
    LoaderOptions options = shuffled_and_augmented();
    options.workers = 4;
    Loader loader(data, options);
    if (taken == 0) continue;  // before any epoch
    loader.start_epoch(0);
    for (int i = 1; i < taken; ++i) loader.next();
  }
}

TEST(Loader, OptionsOutOfRangeAreNamed) {
  const MemoryDataset data(samples(3));
  const auto message = [&](auto change) -> std::string {
    LoaderOptions options;
    change(options);
    try {
      Loader loader(data, options);
      loader.start_epoch(0, 9);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(message([](LoaderOptions& o) { o.batch_size = 0; }),
            "[loader] batch_size is 0, expected at least 1");
  EXPECT_EQ(message([](LoaderOptions& o) { o.workers = -1; }),
            "[loader] workers is -1, expected at least 0");
  EXPECT_EQ(message([](LoaderOptions& o) { o.prefetch = 0; }),
            "[loader] prefetch is 0, expected at least 1");
  EXPECT_EQ(message([](LoaderOptions& o) {
              o.batch_size = 4;
              o.drop_last = true;
            }),
            "[loader] no full batch of 4 among 3 samples");
  EXPECT_EQ(message([](LoaderOptions&) {}), "[loader] first batch 9 of an epoch of 3");
}

}  // namespace
}  // namespace pixelgrad
