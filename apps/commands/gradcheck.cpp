#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "autograd/op_cases.h"

namespace pixelgrad {

void add_gradcheck_command(CLI::App& app, const CommonFlags& common) {
  struct Flags {
    bool all = false;
    std::string op;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = app.add_subcommand(
      "gradcheck", "Compare the gradients of every op with differences of its values");
  auto* all = cmd->add_flag("--all", flags->all, "Every op of the library");
  cmd->add_option("--op", flags->op, "Only this op")->excludes(all);
  cmd->callback([flags, &common] {
    check<UsageError>(flags->all || !flags->op.empty(),
                      "[gradcheck] --all or --op NAME is missing");
    const GradcheckSummary summary = run_gradcheck_cases(flags->op);
    if (common.json) {
      nlohmann::ordered_json ops = nlohmann::ordered_json::array();
      for (const OpCheck& op : summary.ops)
        ops.push_back({{"name", op.name},
                       {"passed", op.passed},
                       {"worst_scaled_error", op.worst_scaled_error},
                       {"elements", op.elements}});
      const nlohmann::ordered_json out{
          {"ops", ops}, {"passed", summary.passed}, {"seconds", summary.seconds}};
      std::printf("%s\n", out.dump().c_str());
    } else {
      std::printf("%-20s %10s %12s %6s\n", "op", "elements", "worst error", "");
      for (const OpCheck& op : summary.ops)
        std::printf("%-20s %10ld %12.1e %6s\n%s", op.name.c_str(), static_cast<long>(op.elements),
                    op.worst_scaled_error, op.passed ? "ok" : "FAILED", op.failures.c_str());
      std::printf("%zu ops in %.1f s: %s\n", summary.ops.size(), summary.seconds,
                  summary.passed ? "all passed" : "FAILED");
    }
    if (!summary.passed) throw CheckFailed{};
  });
}

}  // namespace pixelgrad
