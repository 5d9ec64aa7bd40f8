#include "data/loader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "data/split.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

Tensor targets_of(const std::vector<Sample>& samples, int64_t height, int64_t width) {
  const auto n = static_cast<int64_t>(samples.size());
  Tensor targets = Tensor::empty({n, height, width, 3}, Dtype::f32);
  float* to = targets.mutable_data<float>();
  std::fill_n(to, targets.numel(), 0.0f);
  for (const Sample& s : samples) {
    for (int64_t y = 0; y < s.target.height; ++y)
      for (int64_t x = 0; x < 3 * s.target.width; ++x)
        to[y * 3 * width + x] = static_cast<float>(s.target.at(y, 0)[x]) / 255;
    to += height * width * 3;
  }
  return targets;
}

}  // namespace

Loader::Loader(const Dataset& dataset, LoaderOptions options)
    : dataset_(dataset), options_(std::move(options)) {
  const auto at_least_one = [](const char* name, int64_t value) {
    check<UsageError>(value >= 1, "[loader] ", name, " is ", value, ", expected at least 1");
  };
  at_least_one("batch_size", options_.batch_size);
  check<UsageError>(options_.workers >= 0, "[loader] workers is ", options_.workers,
                    ", expected at least 0");
  at_least_one("prefetch", options_.prefetch);
  check_options(options_.augment);
  check<UsageError>(batches_per_epoch() > 0, "[loader] no full batch of ", options_.batch_size,
                    " among ", dataset_.size(), " samples");
  for (int i = 0; i < options_.workers; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

Loader::~Loader() {
  for (std::jthread& t : threads_) t.request_stop();
}

int64_t Loader::batches_per_epoch() const {
  const int64_t n = dataset_.size(), b = options_.batch_size;
  return options_.drop_last ? n / b : (n + b - 1) / b;
}

void Loader::start_epoch(int64_t epoch, int64_t first_batch) {
  check<UsageError>(first_batch >= 0 && first_batch <= batches_per_epoch(), "[loader] first batch ",
                    first_batch, " of an epoch of ", batches_per_epoch());
  const std::lock_guard lock(mutex_);
  ++generation_;
  epoch_ = epoch;
  if (options_.shuffle) {
    order_ = shuffled(dataset_.size(), options_.seed, "shuffle", static_cast<uint64_t>(epoch));
  } else {
    order_.resize(static_cast<size_t>(dataset_.size()));
    std::iota(order_.begin(), order_.end(), int64_t{0});
  }
  claimed_ = delivered_ = first_batch;
  end_ = batches_per_epoch();
  loaded_.clear();
  room_.notify_all();
}

std::optional<Batch> Loader::next() {
  std::unique_lock lock(mutex_);
  if (delivered_ == end_) return std::nullopt;
  if (threads_.empty()) {
    const int64_t index = delivered_++;
    return load(epoch_, index, indices_of(index));
  }
  ready_.wait(lock, [&] { return loaded_.contains(delivered_); });
  Loaded result = std::move(loaded_.extract(delivered_).mapped());
  ++delivered_;
  room_.notify_one();
  lock.unlock();
  if (result.error) std::rethrow_exception(result.error);
  return std::move(result.batch);
}

std::vector<int64_t> Loader::indices_of(int64_t batch) const {
  return {order_.begin() + batch * options_.batch_size,
          order_.begin() + std::min(dataset_.size(), (batch + 1) * options_.batch_size)};
}

void Loader::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!room_.wait(lock, stop,
                    [&] { return claimed_ < std::min(end_, delivered_ + options_.prefetch); }))
      return;
    const uint64_t generation = generation_;
    const int64_t epoch = epoch_, index = claimed_++;
    const std::vector<int64_t> indices = indices_of(index);
    lock.unlock();
    Loaded result;
    try {
      result.batch = load(epoch, index, indices);
    } catch (...) {
      result.error = std::current_exception();
    }
    lock.lock();
    if (generation != generation_) continue;
    loaded_.emplace(index, std::move(result));
    ready_.notify_all();
  }
}

Batch Loader::load(int64_t epoch, int64_t index, const std::vector<int64_t>& indices) const {
  Batch batch;
  batch.indices = indices;
  batch.epoch = epoch;
  batch.index = index;
  std::vector<Sample> samples;
  int64_t height = 0, width = 0;
  for (const int64_t i : indices) {
    Sample& s = samples.emplace_back(dataset_.load(i));
    augment(s.image, s.labels, options_.augment,
            {.seed = options_.seed,
             .stream = stream_of("augment"),
             .step = mix(static_cast<uint64_t>(epoch), static_cast<uint64_t>(i))},
            s.target.pixels.empty() ? nullptr : &s.target);
    batch.files.push_back(dataset_.name(i));
    batch.sizes.push_back({s.image.height, s.image.width});
    height = std::max(height, s.image.height);
    width = std::max(width, s.image.width);
  }
  const auto n = static_cast<int64_t>(samples.size());
  const bool padded = std::any_of(batch.sizes.begin(), batch.sizes.end(), [&](const ImageSize& s) {
    return s != ImageSize{height, width};
  });
  batch.images = Tensor::empty({n, height, width, 3}, Dtype::f32);
  batch.labels = Tensor::empty({n, height, width}, Dtype::i32);
  float* images = batch.images.mutable_data<float>();
  int32_t* labels = batch.labels.mutable_data<int32_t>();
  if (padded) {  // plain loops here: the pool of parallel_for belongs to the training step
    std::fill_n(images, batch.images.numel(), 0.0f);
    std::fill_n(labels, batch.labels.numel(), int32_t{ignore_label});
  }
  for (int64_t i = 0; i < n; ++i) {
    const Sample& s = samples[static_cast<size_t>(i)];
    options_.normalization.apply(s.image, images + i * height * width * 3, width * 3);
    for (int64_t y = 0; y < s.labels.height; ++y)
      std::copy_n(s.labels.ids.begin() + y * s.labels.width, s.labels.width,
                  labels + (i * height + y) * width);
  }
  if (!samples[0].target.pixels.empty()) batch.targets = targets_of(samples, height, width);
  return batch;
}

}  // namespace pixelgrad
