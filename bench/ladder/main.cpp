// The ladder of convolutions: runs every rung, compares it with the naive one, prints its speed.
// README.md is the lesson.
//
//   build/release/bench/bench_ladder                 a layer of 64 -> 64 channels at 1x64x64
//   build/release/bench/bench_ladder --markdown      the table of README.md
//   build/release/bench/bench_ladder --check         compares only, in all kinds of vectors
//
// Exit codes: 0 ok, 1 no memory or a disturbed measurement, 2 wrong options, 3 a rung disagrees
// with the naive one.
#include <cstdio>

#include "bench/ladder/check.h"
#include "bench/ladder/measure.h"
#include "bench/program.h"
#include "tensor/check.h"
#include "tensor/kernels/target.h"
#include "tests/tensor/simd_targets.h"

namespace pixelgrad::ladder {
namespace {

enum ExitCode { ok = 0, disagrees = 3 };  // others: bench/program.h

struct Options {
  Sizes sizes;
  std::string simd;
  int rounds = 5;
  bool markdown = false, check = false;
};

void add_options(CLI::App& app, Options& o) {
  const CLI::Range extent(int64_t{1}, int64_t{4096});
  app.add_option("--batch", o.sizes.batch, "Images")->check(extent)->capture_default_str();
  app.add_option("--height", o.sizes.height, "Rows")->check(extent)->capture_default_str();
  app.add_option("--width", o.sizes.width, "Columns")->check(extent)->capture_default_str();
  app.add_option("--in-channels", o.sizes.in, "Channels of the input")
      ->check(extent)
      ->capture_default_str();
  app.add_option("--out-channels", o.sizes.out, "Channels of the output")
      ->check(extent)
      ->capture_default_str();
  app.add_option("--rounds", o.rounds, "Times that all rungs are timed in turn; the fastest counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option(
      "--simd", o.simd,
      "Kind of vectors: AVX3 (AVX-512), AVX2, NEON or the compiler's baseline, as far as "
      "the processor has it (default: the best)");
  app.add_flag("--markdown", o.markdown, "Print the table as Markdown");
  app.add_flag("--check", o.check,
               "Compare with the naive rung, in all kinds of vectors; no timing");
}

/// Makes all rungs, and the peak, run in this kind of vectors.
void choose_simd(const std::string& name) {
  std::string known;
  for (const int64_t target : test::simd_targets()) {
    if (test::simd_target_name(target) == name) return test::force_simd_target(target);
    known += (known.empty() ? "" : ", ") + test::simd_target_name(target);
  }
  throw UsageError("--simd is " + name + ", expected what this processor has: " + known);
}

/// Says on stderr which rungs do not agree.
bool agree(const std::vector<Agreement>& agreements) {
  bool all = true;
  for (const Agreement& a : agreements)
    if (!a.ok) {
      all = false;
      std::fprintf(stderr, "bench_ladder: %s: %s\n", kernels::simd_target(), a.complaint.c_str());
    }
  return all;
}

std::vector<Agreement> compare_all(const Checker& checker) {
  std::vector<Agreement> agreements;
  for (const Rung& rung : rungs()) agreements.push_back(checker(rung));
  return agreements;
}

ExitCode check_all(const Options& o) {
  const Checker checker(o.sizes);
  bool all = true;
  for (const int64_t target : test::simd_targets()) {
    if (!o.simd.empty() && test::simd_target_name(target) != o.simd) continue;
    test::force_simd_target(target);
    const bool right = agree(compare_all(checker));
    if (right) std::printf("%s: all rungs agree with the naive one\n", kernels::simd_target());
    all = all && right;
  }
  return all ? ok : disagrees;
}

void print_table(const Options& o, const std::vector<Speed>& speeds,
                 const std::vector<Agreement>& agreements) {
  const Sizes& s = o.sizes;
  std::printf(
      "3x3, %ld -> %ld channels at %ldx%ldx%ld, f32, %s. FMA peak: %.0f GFLOP/s on 1 thread", s.in,
      s.out, s.batch, s.height, s.width, kernels::simd_target(), speeds[0].peak);
  for (const Speed& speed : speeds)
    if (speed.threads > 1) {
      std::printf(", %.0f on %d", speed.peak, speed.threads);
      break;
    }
  std::printf("\n\n");
  const char* row =
      o.markdown ? "| %s | %s | %s | %s | %s | %s | %s |\n" : "%-10s %-27s %7s %8s %9s %7s %11s\n";
  std::printf(row, "rung", "idea", "threads", "GFLOP/s", "x before", "% peak", "difference");
  if (o.markdown) std::printf(row, "---", "---", "--:", "--:", "--:", "--:", "--:");
  for (size_t i = 0; i < speeds.size(); ++i) {
    const auto number = [](const char* format, double value) {
      char text[32];
      std::snprintf(text, sizeof text, format, value);
      return std::string(text);
    };
    const Speed& v = speeds[i];
    std::printf(row, rungs()[i].name, rungs()[i].idea, std::to_string(v.threads).c_str(),
                number("%.1f", v.gflops).c_str(),
                i ? number("%.2f", v.gflops / speeds[i - 1].gflops).c_str() : "",
                number("%.1f", 100 * v.gflops / v.peak).c_str(),
                number("%.1e", agreements[i].difference).c_str());
  }
  std::printf(
      "\n%% peak is of as many threads as the rung has. Difference: the largest to the naive rung, "
      "as a share of the largest result.\n");
}

ExitCode climb(const Options& o) {
  const Checker checker(o.sizes);
  const std::vector<Agreement> agreements = compare_all(checker);
  if (!agree(agreements)) return disagrees;
  const std::vector<Speed> speeds = measure(checker.layer(), o.rounds);
  print_table(o, speeds, agreements);
  for (size_t i = 0; i < speeds.size(); ++i)
    check(!rungs()[i].simd || speeds[i].gflops <= 1.02 * speeds[i].peak, rungs()[i].name,
          " was faster than 102 % of the peak, so the peak was disturbed whenever it was measured; "
          "run again on a quieter machine");
  return ok;
}

int run(int argc, char** argv) {
  Options o;
  CLI::App app("A convolution, from the formula to the library's kernel, one idea at a time.",
               "bench_ladder");
  add_options(app, o);
  return bench::run_program(app, argc, argv, [&] {
    if (!o.simd.empty()) choose_simd(o.simd);
    return o.check ? check_all(o) : climb(o);
  });
}

}  // namespace
}  // namespace pixelgrad::ladder

int main(int argc, char** argv) { return pixelgrad::ladder::run(argc, argv); }
