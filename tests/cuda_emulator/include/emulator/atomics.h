#pragma once
// Atomic operations, on integers alone: sums of floats would depend on the order of the threads,
// which the project does not allow. One thread runs at a time, so plain operations do. All return
// the old value.
#include <concepts>
#include <type_traits>
#include <utility>

namespace emulator::detail {

template <class T>
concept Atomic =
    std::same_as<T, int> || std::same_as<T, unsigned> || std::same_as<T, unsigned long long>;

/// So that the address alone decides on the type, as with CUDA's overloads.
template <class T>
using Operand = std::type_identity_t<T>;

}  // namespace emulator::detail

/// Wraps around, as integers do on a GPU.
template <emulator::detail::Atomic T>
T atomicAdd(T* address, emulator::detail::Operand<T> value) {
  using U = std::make_unsigned_t<T>;
  return std::exchange(*address, static_cast<T>(static_cast<U>(*address) + static_cast<U>(value)));
}
template <emulator::detail::Atomic T>
T atomicMax(T* address, emulator::detail::Operand<T> value) {
  return std::exchange(*address, *address < value ? value : *address);
}
template <emulator::detail::Atomic T>
T atomicMin(T* address, emulator::detail::Operand<T> value) {
  return std::exchange(*address, value < *address ? value : *address);
}
template <emulator::detail::Atomic T>
T atomicExch(T* address, emulator::detail::Operand<T> value) {
  return std::exchange(*address, value);
}
template <emulator::detail::Atomic T>
T atomicCAS(T* address, emulator::detail::Operand<T> expected, emulator::detail::Operand<T> value) {
  return std::exchange(*address, *address == expected ? value : *address);
}
template <emulator::detail::Atomic T>
T atomicOr(T* address, emulator::detail::Operand<T> value) {
  return std::exchange(*address, *address | value);
}
template <emulator::detail::Atomic T>
T atomicAnd(T* address, emulator::detail::Operand<T> value) {
  return std::exchange(*address, *address & value);
}
