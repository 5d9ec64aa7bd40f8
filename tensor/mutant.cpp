#include "tensor/mutant.h"

#include "tensor/check.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad {

const std::vector<MutantInfo>& mutants() {
  static const std::vector<MutantInfo> catalogue = {
#ifdef PIXELGRAD_MUTANTS
#define PIXELGRAD_MUTANT_ENTRY(name, target, oracle, bug) {#name, #target, Oracle::oracle, bug},
#include "tensor/mutants.def"
#undef PIXELGRAD_MUTANT_ENTRY
#endif
  };
  return catalogue;
}

#ifdef PIXELGRAD_MUTANTS
void activate_mutant(const std::string& name) {
  int number = name.empty() ? 0 : -1;
  std::string known;
  for (size_t i = 0; i < mutants().size(); ++i) {
    if (mutants()[i].name == name) number = static_cast<int>(i) + 1;
    known += (i ? ", " : "") + mutants()[i].name;
  }
  check<UsageError>(number >= 0, "[mutant] none is called '", name, "', expected one of ", known);
  detail::active_mutant = static_cast<Mutant>(number);
}
#else
void activate_mutant(const std::string& name) {
  check<UsageError>(name.empty(), "[mutant] '", name,
                    "' cannot be activated: this build has no mutants, expected one of the preset "
                    "'mutants'");
}
#endif

}  // namespace pixelgrad
