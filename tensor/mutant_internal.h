#pragma once
#include "tensor/mutant.h"

// How the library's sources hold a seeded bug: `right` and `wrong` side by side.
namespace pixelgrad {

#ifdef PIXELGRAD_MUTANTS
enum class Mutant {
  none,
#define PIXELGRAD_MUTANT_ENTRY(name, target, oracle, bug) name,
#include "tensor/mutants.def"
#undef PIXELGRAD_MUTANT_ENTRY
};
namespace detail {
inline Mutant active_mutant = Mutant::none;
}
/// `wrong` while the mutant `name` is active, else `right`. Expands to (right) in all other builds.
#define PIXELGRAD_MUTANT(name, right, wrong) \
  (::pixelgrad::detail::active_mutant == ::pixelgrad::Mutant::name ? (wrong) : (right))
#else
#define PIXELGRAD_MUTANT(name, right, wrong) (right)
#endif

}  // namespace pixelgrad
