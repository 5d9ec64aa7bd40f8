#include <emulator/warp.h>

#include <bit>
#include <string>

namespace emulator::detail {

void check_shuffle(const char* name, unsigned distance, int width) {
  if (width < 1 || width > 32 || !std::has_single_bit(static_cast<unsigned>(width)))
    fail((std::string(name) + ": width is " + std::to_string(width) +
          ", expected a power of two up to 32")
             .c_str());
  if (distance > 31)
    fail((std::string(name) + ": distance is " + std::to_string(distance) + ", expected 0 to 31")
             .c_str());
}

uint32_t ballot(const char* name, uint32_t mask, int predicate) {
  struct Operand {
    bool predicate;
    uint32_t result;
  } operand{predicate != 0, 0};
  warp_collective(name, mask, &operand, [](void* const operands[32], uint32_t lanes) {
    uint32_t result = 0;
    for (int lane = 0; lane < 32; ++lane)
      if ((lanes >> lane & 1) != 0 && static_cast<Operand*>(operands[lane])->predicate)
        result |= 1u << lane;
    for (int lane = 0; lane < 32; ++lane)
      if ((lanes >> lane & 1) != 0) static_cast<Operand*>(operands[lane])->result = result;
  });
  return operand.result;
}

}  // namespace emulator::detail
