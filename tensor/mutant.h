#pragma once
#include <string>
#include <vector>

// Seeded bugs. A test of a gradient is worth what it catches, so the library carries a catalogue of
// plausible mistakes, mutants.def, that the preset `mutants` compiles in and everything else leaves
// out. At most one is active at a time.
namespace pixelgrad {

/// Who must catch a mutant. Finite differences cannot see a bug that forward and backward share.
enum class Oracle {
  gradcheck,   ///< differences of the op's own values
  twin,        ///< the naive loops of tests/reference
  invariance,  ///< the same bits for any number of threads, or when run again
};

/// One entry of the catalogue.
struct MutantInfo {
  std::string name;    ///< batch_norm_backward_without_eps
  std::string target;  ///< the op, layer or optimizer that it spoils
  Oracle oracle;       ///< the one that must catch it
  std::string bug;     ///< what is wrong, in a few words
};

/// The catalogue; empty unless the mutants are compiled in.
const std::vector<MutantInfo>& mutants();

/// Makes the mutant of this name the active one; empty makes the library right again. Throws
/// UsageError, which lists the names, for any other name, and where no mutants are compiled in.
/// Not to be called while other threads compute.
void activate_mutant(const std::string& name);

}  // namespace pixelgrad
