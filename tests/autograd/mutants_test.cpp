// Tests of the tests: each seeded bug (tensor/mutants.def) must be caught by the oracle that its
// entry names, and the table in docs/gradient-checking.md must tell what was found here.
// Built by the preset `mutants` alone.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "autograd/gradcheck_jacobian.h"
#include "autograd/graph.h"
#include "tensor/mutant.h"
#include "tensor/parallel.h"
#include "tests/autograd/twins.h"

namespace pixelgrad {

void PrintTo(const MutantInfo& mutant, std::ostream* out) { *out << mutant.name; }

namespace {

/// A mutant that is active while one lives.
struct Infected {
  explicit Infected(const std::string& name) { activate_mutant(name); }
  ~Infected() { activate_mutant(""); }
};

const OpCase& case_of(const std::string& target) {
  for (const OpCase& op : op_cases())
    if (op.name == target) return op;
  throw Error("no op case: " + target);
}

/// Calls `notices` for the samples of an op, the small ones first, until one does.
bool some_sample(const OpCase& op, const std::function<bool(const OpSample&)>& notices) {
  for (const OpSample& sample : op.samples) {
    try {
      if (notices(sample)) return true;
    } catch (const Error&) {
      return true;  // it broke down: nobody could miss it
    }
  }
  return false;
}

int64_t values_of(const std::vector<Tensor>& inputs) {
  int64_t values = 0;
  for (const Tensor& x : inputs) values += x.numel();
  return values;
}

/// The rule of gradcheck(), on the samples that are checked element by element.
bool gradcheck_notices(const OpCase& op) {
  return some_sample(op, [](const OpSample& sample) {
    const std::vector<Tensor> inputs = sample.inputs(0);
    return values_of(inputs) <= 4096 && !gradcheck(sample.call, inputs).passed;
  });
}

bool twin_notices(const OpCase& op) {
  const Twin& twin = all_twins().at(op.name);
  return some_sample(
      op, [&](const OpSample& sample) { return !(compare_with_twin(sample, twin).f64 <= 1e-12); });
}

bool invariance_notices(const OpCase& op) {
  const auto gradients = [](const OpSample& sample, int threads) {
    const int before = num_threads();
    set_num_threads(threads);
    std::vector<Tensor> leaves;
    for (const Tensor& x : sample.inputs(0)) leaves.push_back(require_grad(x));
    const Tensor y = sample.call(leaves);
    backward(y, Tensor::full(y.shape(), 0.7, Dtype::f64));
    set_num_threads(before);
    std::vector<std::vector<double>> all{y.to_doubles()};
    for (const Tensor& x : leaves) all.push_back(grad(x).to_doubles());
    return all;
  };
  return some_sample(
      op, [&](const OpSample& sample) { return gradients(sample, 1) != gradients(sample, 4); });
}

/// PyTorch's default rule on the samples whose Jacobian is small.
bool default_rule_notices(const OpCase& op) {
  return some_sample(op, [](const OpSample& sample) {
    const std::vector<Tensor> inputs = sample.inputs(0);
    if (values_of(inputs) * sample.call(inputs).numel() > 20'000) return false;
    return !gradcheck_jacobian(sample.call, inputs).passed;
  });
}

class Mutants : public testing::TestWithParam<MutantInfo> {};

TEST_P(Mutants, AreCaught) {
  const MutantInfo& mutant = GetParam();
  const OpCase& op = case_of(mutant.target);
  const Infected infected(mutant.name);
  switch (mutant.oracle) {
    case Oracle::gradcheck:
      EXPECT_TRUE(gradcheck_notices(op));
      break;
    case Oracle::twin:
      EXPECT_TRUE(twin_notices(op));
      break;
    case Oracle::invariance:
      EXPECT_TRUE(invariance_notices(op));
      break;
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, Mutants, testing::ValuesIn(mutants()),
                         [](const auto& info) { return info.param.name; });

TEST(MutantCatalogue, IsLongEnoughAndEveryTargetIsHealthyWithoutThem) {
  EXPECT_GE(mutants().size(), 60u);
  for (const MutantInfo& mutant : mutants()) {
    const OpCase& op = case_of(mutant.target);
    if (mutant.oracle == Oracle::twin) {
      EXPECT_FALSE(twin_notices(op)) << op.name;
    }
  }
}

/// A row of the table in docs/gradient-checking.md.
std::string row(const MutantInfo& mutant) {
  const OpCase& op = case_of(mutant.target);
  const Infected infected(mutant.name);
  const char* oracle = mutant.oracle == Oracle::twin         ? "naive twin"
                       : mutant.oracle == Oracle::invariance ? "1 and 4 threads"
                                                             : "differences";
  return str("| ", mutant.target, " | ", mutant.bug, " | `", mutant.name, "` | ",
             gradcheck_notices(op) ? "caught" : "passes", " | ",
             default_rule_notices(op) ? "caught" : "passes", " | ", oracle, " |");
}

TEST(MutantCatalogue, StandsInTheDocument) {
  std::ifstream file(PIXELGRAD_GRADIENT_CHECKING_DOCUMENT);
  std::ostringstream text;
  text << file.rdbuf();
  std::string missing;
  for (const MutantInfo& mutant : mutants()) {
    const std::string line = row(mutant);
    if (text.str().find(line) == std::string::npos) missing += line + "\n";
  }
  EXPECT_EQ(missing, "") << "rows that docs/gradient-checking.md lacks or tells otherwise";
}

}  // namespace
}  // namespace pixelgrad
