#pragma once
#include <memory>

#include "tensor/tensor.h"

namespace pixelgrad {

/// A value that the graph relies on: its storage, if that still lives, must not have been written.
struct Watch {
  explicit Watch(const Tensor& t) : storage(t.storage()), version(t.storage()->version) {}
  bool overwritten() const {
    const auto alive = storage.lock();
    return alive && alive->version != version;
  }
  std::weak_ptr<Storage> storage;
  uint64_t version;
};

}  // namespace pixelgrad
