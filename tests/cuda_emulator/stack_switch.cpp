// Changing stacks. On x86-64 by hand: swapcontext() asks the kernel for the signal mask each time,
// which takes a hundred times as long.
#include "tests/cuda_emulator/stack_switch.h"

#include <cstdint>

#if !defined(__x86_64__)
#include <ucontext.h>

#include <new>
#endif

#if defined(__x86_64__)

// The registers that a function must preserve are kept on the stack that is left.
asm(R"(
.text
.type emulator_switch_stack, @function
emulator_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch_stack, .-emulator_switch_stack
)");
extern "C" void emulator_switch_stack(void** from, void* to);

namespace emulator {

void* new_stack(void* lowest, size_t bytes, void (*entry)()) {
  auto** top = reinterpret_cast<void**>(static_cast<char*>(lowest) + bytes);
  *--top =
      nullptr;  // where a return address would be: functions begin 8 bytes off a multiple of 16
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  return top;
}

void switch_stack(void** from, void* to) { emulator_switch_stack(from, to); }

}  // namespace emulator

#else

namespace emulator {

void* new_stack(void* lowest, size_t bytes, void (*entry)()) {
  bytes -= (sizeof(ucontext_t) + 63) / 64 * 64;  // the context itself lies above the stack
  auto* context = new (static_cast<char*>(lowest) + bytes) ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = lowest;
  context->uc_stack.ss_size = bytes;
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
  return context;
}

void switch_stack(void** from, void* to) {
  ucontext_t here;  // lives on the stack that is left, until it is entered again
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}

}  // namespace emulator

#endif
