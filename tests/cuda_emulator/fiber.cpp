#include "tests/cuda_emulator/fiber.h"

#include <sys/mman.h>

#include <new>

#include "tests/cuda_emulator/stack_switch.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulator {
namespace {

constexpr size_t guard_bytes = 64 << 10;
// Frames are large without optimisation and under AddressSanitizer. Untouched pages cost nothing.
constexpr size_t stack_bytes = 512 << 10;

// What resumed the running fiber, and waits.
struct Resumer {
  void* context = nullptr;
  void* fake_stack = nullptr;
  const void* stack = nullptr;
  size_t bytes = 0;
} resumer;

// AddressSanitizer must know on which stack the program is.
#if defined(__SANITIZE_ADDRESS__)
void leave_stack(void** fake_stack, const void* next_stack, size_t next_bytes) {
  __sanitizer_start_switch_fiber(fake_stack, next_stack, next_bytes);
}
void enter_stack(void* fake_stack, const void** previous_stack, size_t* previous_bytes) {
  __sanitizer_finish_switch_fiber(fake_stack, previous_stack, previous_bytes);
}
#else
void leave_stack(void**, const void*, size_t) {}
void enter_stack(void*, const void**, size_t*) {}
#endif

}  // namespace

Fiber* Fiber::running_ = nullptr;

Fiber::Fiber(void (*body)()) : body_(body) {
  void* memory = mmap(nullptr, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<char*>(memory);
  mprotect(mapping_, guard_bytes, PROT_NONE);
  context_ = new_stack(mapping_ + guard_bytes, stack_bytes, run_for_ever);
}

Fiber::~Fiber() { munmap(mapping_, guard_bytes + stack_bytes); }

void Fiber::resume() {
  running_ = this;
  leave_stack(&resumer.fake_stack, mapping_ + guard_bytes, stack_bytes);
  switch_stack(&resumer.context, context_);
  enter_stack(resumer.fake_stack, nullptr, nullptr);
  running_ = nullptr;
}

void Fiber::suspend() {
  Fiber* const self = running_;
  leave_stack(&self->fake_stack_, resumer.stack, resumer.bytes);
  switch_stack(&self->context_, resumer.context);
  enter_stack(self->fake_stack_, &resumer.stack, &resumer.bytes);
}

void Fiber::run_for_ever() {
  enter_stack(nullptr, &resumer.stack, &resumer.bytes);
  for (;;) {
    running_->idle_ = false;
    running_->body_();
    running_->idle_ = true;
    suspend();
  }
}

Fiber* FiberPool::take() {
  if (idle_.empty()) {
    all_.push_back(std::make_unique<Fiber>(body_));
    return all_.back().get();
  }
  Fiber* const fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

}  // namespace emulator
