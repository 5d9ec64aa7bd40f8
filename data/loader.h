#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "data/dataset.h"
#include "data/normalize.h"
#include "data/transform.h"
#include "tensor/tensor.h"

namespace pixelgrad {

/// Some samples as the network takes them. Where the images of a batch differ in size they lie in
/// the top left corner of the largest; around them images are 0 (the mean, after normalisation) and
/// labels are ignored.
struct Batch {
  Tensor images;                   ///< f32 [N,H,W,3], normalised
  Tensor labels;                   ///< i32 [N,H,W], class ids or ignore_label
  Tensor targets;                  ///< f32 [N,H,W,3], Sample::target / 255; undefined without them
  std::vector<ImageSize> sizes;    ///< of each sample, before padding
  std::vector<int64_t> indices;    ///< of each sample in the data set
  std::vector<std::string> files;  ///< the sample's name, for messages
  int64_t epoch = 0, index = 0;    ///< which batch it is
};

struct LoaderOptions {
  int64_t batch_size = 1;
  bool shuffle = false;    ///< a new order each epoch, from (seed, epoch)
  bool drop_last = false;  ///< leave out a last batch that is not full
  uint64_t seed = 0;       ///< of the order and of the augmentation
  int workers = 1;         ///< threads that load ahead; with 0, next() loads
  int64_t prefetch = 4;    ///< batches that may be ready or under way at a time, at least 1
  AugmentOptions augment = {};
  Normalization normalization = {};
};

/// Loads the batches of an epoch ahead of their use, on threads of its own, and hands them out in
/// order. What a batch holds depends on (seed, epoch, batch) alone, not on the threads: that pair
/// of numbers is all that a resumed run needs. The data set must outlive the loader.
class Loader {
 public:
  /// Throws UsageError when an option is out of range, or drop_last leaves no batch.
  Loader(const Dataset& dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  int64_t batches_per_epoch() const;

  /// Begins an epoch at batch `first_batch`, whatever was under way.
  void start_epoch(int64_t epoch, int64_t first_batch = 0);

  /// The next batch of the epoch; nothing at its end. Throws what loading this batch threw; the
  /// call after that gives the batch that follows.
  std::optional<Batch> next();

 private:
  struct Loaded {
    Batch batch;
    std::exception_ptr error;
  };

  void work(const std::stop_token& stop);
  /// The samples of a batch; the caller holds mutex_.
  std::vector<int64_t> indices_of(int64_t batch) const;
  Batch load(int64_t epoch, int64_t index, const std::vector<int64_t>& indices) const;

  const Dataset& dataset_;
  const LoaderOptions options_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any room_, ready_;
  uint64_t generation_ = 0;  // of start_epoch: what was under way before is thrown away
  int64_t epoch_ = 0;
  std::vector<int64_t> order_;
  int64_t claimed_ = 0, delivered_ = 0, end_ = 0;  // batches
  std::map<int64_t, Loaded> loaded_;

  std::vector<std::jthread> threads_;  // last: they stop before the rest is gone
};

}  // namespace pixelgrad
