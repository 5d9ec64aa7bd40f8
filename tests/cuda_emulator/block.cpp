#include "tests/cuda_emulator/block.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

namespace emulator {
namespace detail {

uint3 thread_index, block_index;
dim3 block_extent, grid_extent;

int block_barrier(Barrier kind, int predicate) {
  return Block::instance().barrier(kind, predicate);
}

int lane() { return Block::instance().current() % 32; }

void fail(const char* what) { Block::instance().fail(what); }

}  // namespace detail

void warp_collective(const char* name, uint32_t mask, void* operand, WarpOperation operation) {
  Block::instance().collective(name, mask, operand, operation);
}

namespace {

/// Unwinds the threads that wait when their block has failed.
struct Unwound {};

const char* name_of(detail::Barrier kind) {
  switch (kind) {
    case detail::Barrier::plain:
      return "__syncthreads";
    case detail::Barrier::any:
      return "__syncthreads_or";
    case detail::Barrier::all:
      return "__syncthreads_and";
    default:
      return "__syncthreads_count";
  }
}

/// "thread 3", "threads 0-31, 40".
std::string list_of(const std::vector<int>& threads) {
  std::string text = threads.size() == 1 ? "thread " : "threads ";
  for (size_t begin = 0; begin < threads.size();) {
    size_t end = begin + 1;
    while (end < threads.size() && threads[end] == threads[end - 1] + 1) ++end;
    text += (begin > 0 ? ", " : "") + std::to_string(threads[begin]);
    if (end - begin > 1) text += "-" + std::to_string(threads[end - 1]);
    begin = end;
  }
  return text;
}

std::string hexadecimal(uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08X", mask);
  return text;
}

std::string text_of(uint3 i) {
  return "(" + std::to_string(i.x) + "," + std::to_string(i.y) + "," + std::to_string(i.z) + ")";
}

}  // namespace

Block::Block() : fibers_(start_threads) {}

Block& Block::instance() {
  static auto& block = *new Block;  // for ever: destructors of others may still need it
  return block;
}

void Block::run(const Launch& launch, uint3 index, Sequence& order) {
  launch_ = &launch;
  ++number_;
  const dim3 extent = launch.block, previous = std::exchange(detail::block_extent, extent);
  detail::block_index = index;
  detail::grid_extent = launch.grid;
  size_ = static_cast<int>(extent.x * extent.y * extent.z);
  if (indices_.empty() || previous.x != extent.x || previous.y != extent.y ||
      previous.z != extent.z) {
    indices_.clear();
    for (unsigned z = 0; z < extent.z; ++z)
      for (unsigned y = 0; y < extent.y; ++y)
        for (unsigned x = 0; x < extent.x; ++x) indices_.push_back({x, y, z});
    threads_.resize(static_cast<size_t>(size_));
    warps_.resize(static_cast<size_t>((size_ + 31) / 32));
  }
  for (Thread& t : threads_) t.state = State::ready, t.fiber = nullptr;

  turn_.resize(static_cast<size_t>(size_));
  std::iota(turn_.begin(), turn_.end(), 0);
  order.arrange(turn_);
  while (!turn_.empty()) {
    run_ready();
    collect_ready(order);
    if (!error_ && turn_.empty() && release_barrier()) collect_ready(order);
    if (error_) break;
  }
  if (error_) unwind();
  launch_ = nullptr;
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Block::enter(int thread) {
  current_ = thread;
  detail::thread_index = indices_[static_cast<size_t>(thread)];
}

// The body of the fibers: threads that have not begun yet, until the next to go on is one that has.
void Block::start_threads() {
  Block& b = instance();
  while (b.next_ < b.turn_.size() && !b.error_) {
    const int id = b.turn_[b.next_];
    Thread& self = b.threads_[static_cast<size_t>(id)];
    if (self.fiber != nullptr) return;
    ++b.next_;
    b.enter(id);
    try {
      b.launch_->thread();
    } catch (const Unwound&) {
    } catch (...) {
      if (!b.error_) b.error_ = std::current_exception();
    }
    self.state = State::returned;
    if (b.unwinding_) return;
  }
}

void Block::run_ready() {
  for (next_ = 0; next_ < turn_.size() && !error_;) {
    Fiber* fiber = threads_[static_cast<size_t>(turn_[next_])].fiber;
    if (fiber == nullptr)
      fiber = fibers_.take();
    else
      enter(turn_[next_++]);
    fiber->resume();
    if (fiber->idle()) fibers_.give_back(fiber);
  }
}

void Block::expect_running(const char* what) const {
  if (!running()) throw KernelError(std::string(what) + " outside of a kernel");
}

void Block::wait() {
  threads_[static_cast<size_t>(current_)].fiber = Fiber::running();
  Fiber::suspend();
  if (unwinding_) throw Unwound();
}

int Block::barrier(detail::Barrier kind, int predicate) {
  expect_running(name_of(kind));
  Thread& self = threads_[static_cast<size_t>(current_)];
  self.state = State::at_barrier;
  self.barrier = kind;
  self.predicate = predicate != 0;
  wait();
  return barrier_count_;
}

bool Block::release_barrier() {
  if (std::all_of(threads_.begin(), threads_.end(),
                  [](const Thread& t) { return t.state == State::returned; }))
    return false;
  for (const Thread& t : threads_)
    if (t.state != State::at_barrier || t.barrier != threads_[0].barrier) {
      error_ = std::make_exception_ptr(KernelError(where("") + "cannot go on: " + waiting()));
      return false;
    }
  barrier_count_ = 0;
  for (Thread& t : threads_) {
    barrier_count_ += t.predicate;
    t.state = State::ready;
  }
  return true;
}

void Block::collective(const char* name, uint32_t mask, void* operand, WarpOperation operation) {
  expect_running(name);
  const int id = current_, warp = id / 32, lane = id % 32;
  if ((mask >> lane & 1) == 0)
    fail(std::string("calls ") + name + " with mask " + hexadecimal(mask) +
         ", which lacks its own lane " + std::to_string(lane));
  Thread& self = threads_[static_cast<size_t>(id)];
  self.state = State::in_collective;
  self.collective = name;
  self.mask = mask;
  self.operand = operand;

  std::vector<Gathering>& gatherings = warps_[static_cast<size_t>(warp)];
  auto mine = std::find_if(gatherings.begin(), gatherings.end(), [&](const Gathering& g) {
    return g.mask == mask && g.operation == operation;
  });
  if (mine == gatherings.end()) mine = gatherings.insert(mine, {mask, 0, operation});
  mine->come |= 1u << lane;
  if (mine->come == mask) {
    gatherings.erase(mine);
    void* operands[32] = {};
    for (int l = 0; l < 32; ++l) {
      if ((mask >> l & 1) == 0) continue;
      Thread& other = threads_[static_cast<size_t>(warp * 32 + l)];
      operands[l] = other.operand;
      other.state = State::ready;
    }
    operation(operands, mask);
  }
  wait();
}

void Block::collect_ready(Sequence& order) {
  turn_.clear();
  for (int i = 0; i < size_; ++i)
    if (threads_[static_cast<size_t>(i)].state == State::ready) turn_.push_back(i);
  order.arrange(turn_);
}

void Block::unwind() {
  unwinding_ = true;
  for (Thread& t : threads_)
    if (t.fiber != nullptr && t.state != State::returned) {
      t.fiber->resume();
      fibers_.give_back(t.fiber);
    }
  unwinding_ = false;
  for (auto& gatherings : warps_) gatherings.clear();
}

std::string Block::where(const std::string& threads) const {
  return "[" + launch_->name + "] block " + text_of(detail::block_index) + " " + threads;
}

/// What each thread waits for.
std::string Block::waiting() const {
  std::vector<std::pair<std::string, std::vector<int>>> groups;
  for (int i = 0; i < size_; ++i) {
    const Thread& t = threads_[static_cast<size_t>(i)];
    std::string what = t.state == State::returned     ? "returned"
                       : t.state == State::at_barrier ? std::string("at ") + name_of(t.barrier)
                                                      : std::string("at ") + t.collective +
                                                            " with mask " + hexadecimal(t.mask);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& known) { return known.first == what; });
    if (group == groups.end()) group = groups.insert(group, {what, {}});
    group->second.push_back(i);
  }
  std::string text;
  for (const auto& [what, threads] : groups)
    text += (text.empty() ? "" : "; ") + list_of(threads) + " " + what;
  return text;
}

void Block::fail(const std::string& what) const {
  throw KernelError(where("thread " + text_of(detail::thread_index) + " ") + what);
}

}  // namespace emulator
