#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "models/input_file.h"
#include "models/safetensors.h"
#include "models/torch_writer.h"
#include "models/weight_file.h"

namespace pixelgrad {
namespace {

using Json = nlohmann::ordered_json;

const char* layout_name(WeightLayout layout) {
  return layout == WeightLayout::pytorch ? "pytorch" : "pixelgrad";
}

uint64_t count_values(const Shape& shape) { return static_cast<uint64_t>(numel(shape)); }

void show(const WeightFile& file, bool json) {
  uint64_t values = 0, bytes = 0;
  size_t width = 4;
  for (const WeightEntry& e : file.entries()) {
    values += count_values(e.shape);
    bytes += count_values(e.shape) * size_of(e.type);
    width = std::max(width, e.name.size());
  }
  if (json) {
    Json tensors = Json::array();
    for (const WeightEntry& e : file.entries())
      tensors.push_back({{"name", e.name}, {"type", name_of(e.type)}, {"shape", e.shape}});
    const Json out{{"file", file.path().string()},
                   {"format", file.format()},
                   {"layout", layout_name(file.layout())},
                   {"unwrapped", file.unwrapped()},
                   {"values", values},
                   {"bytes", bytes},
                   {"metadata", file.metadata()},
                   {"tensors", tensors}};
    std::printf("%s\n", out.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  std::printf("%s: %s, %zu tensors, %llu values, %.1f MiB\n", file.path().c_str(),
              file.format().c_str(), file.entries().size(), static_cast<unsigned long long>(values),
              static_cast<double>(bytes) / (1 << 20));
  std::printf("convolutions: %s\n", file.layout() == WeightLayout::pytorch
                                        ? "[out,in,height,width], as in PyTorch"
                                        : "[out,height,width,in], as in pixelgrad");
  for (const std::string& name : file.unwrapped())
    std::printf("unwrapped: %s\n", plain_name(name).c_str());
  for (const WeightEntry& e : file.entries())
    std::printf("%-*s  %-4s  %s\n", static_cast<int>(std::min<size_t>(width, 80)),
                plain_name(e.name).c_str(), std::string(name_of(e.type)).c_str(),
                to_string(e.shape).c_str());
}

void add_show(CLI::App& weights, const CommonFlags& common) {
  auto path = std::make_shared<std::string>();
  CLI::App* cmd = weights.add_subcommand("show", "List the tensors of a file");
  cmd->add_option("FILE", *path, "safetensors, .pth or .pt; or a checkpoint")->required();
  cmd->callback([path, &common] { show(*open_weights(*path), common.json); });
}

void add_convert(CLI::App& weights, const CommonFlags& common) {
  struct Flags {
    std::string in, out, layout = "pytorch";
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = weights.add_subcommand(
      "convert", "Write a file's tensors as safetensors or .pth, for PyTorch or for pixelgrad");
  cmd->add_option("IN", flags->in, "safetensors, .pth or .pt; or a checkpoint")->required();
  cmd->add_option("OUT", flags->out, "The .safetensors, .pth or .pt file to write")->required();
  cmd->add_option("--layout", flags->layout,
                  "Order of a convolution's sizes: pytorch (out,in,height,width) or pixelgrad "
                  "(out,height,width,in)")
      ->check(CLI::IsMember({"pytorch", "pixelgrad"}))
      ->capture_default_str();
  cmd->callback([flags, &common] {
    const std::string extension = std::filesystem::path(flags->out).extension().string();
    const bool torch = extension == ".pth" || extension == ".pt";
    const bool pytorch = flags->layout == "pytorch";
    check<UsageError>(torch || extension == ".safetensors", "[weights] ", flags->out,
                      ": expected a name that ends in .safetensors, .pth or .pt");
    check<UsageError>(pytorch || !torch, "[weights] ", flags->out,
                      ": --layout pixelgrad is for .safetensors, which says its layout");
    const auto file = open_weights(flags->in);
    TensorFile out;
    out.layout = pytorch ? "NCHW" : "NHWC";
    if (pytorch) out.metadata["format"] = "pt";  // what other programs look for
    for (size_t i = 0; i < file->entries().size(); ++i)
      out.tensors.push_back(
          {file->entries()[i].name,
           file->read(i, pytorch ? WeightLayout::pytorch : WeightLayout::pixelgrad)});
    if (torch)
      write_torch_file(flags->out, out.tensors);
    else
      write_safetensors(flags->out, out);
    if (common.json)
      std::printf("%s\n",
                  Json{{"out", flags->out}, {"tensors", out.tensors.size()}}.dump().c_str());
    else
      std::printf("%zu tensors in %s\n", out.tensors.size(), flags->out.c_str());
  });
}

/// How two tensors of the same name differ.
struct Difference {
  std::string name, what;
  double largest = 0;  ///< of |a - b|; infinite where shapes differ or one is not a number
};

/// In the order of the first file, then of the second.
std::vector<Difference> compare(WeightFile& a, WeightFile& b, double tolerance) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::map<std::string, size_t> in_b;
  for (size_t i = 0; i < b.entries().size(); ++i) in_b.emplace(b.entries()[i].name, i);
  std::vector<Difference> found;
  for (size_t i = 0; i < a.entries().size(); ++i) {
    const WeightEntry& e = a.entries()[i];
    const auto other = in_b.find(e.name);
    if (other == in_b.end()) {
      found.push_back({e.name, "only in the first", infinity});
      continue;
    }
    const size_t k = other->second;
    in_b.erase(other);
    const Shape shape_a = to_layout(e.shape, a.layout(), WeightLayout::pytorch);
    const Shape shape_b = to_layout(b.entries()[k].shape, b.layout(), WeightLayout::pytorch);
    if (shape_a != shape_b) {
      found.push_back({e.name, str(shape_a, " and ", shape_b), infinity});
      continue;
    }
    const std::vector<double> x = a.read(i, WeightLayout::pytorch).to_doubles();
    const std::vector<double> y = b.read(k, WeightLayout::pytorch).to_doubles();
    double largest = 0;
    int64_t count = 0;
    for (size_t j = 0; j < x.size(); ++j) {
      if (x[j] == y[j] || (std::isnan(x[j]) && std::isnan(y[j]))) continue;
      const double distance = std::isfinite(x[j] - y[j]) ? std::abs(x[j] - y[j]) : infinity;
      largest = std::max(largest, distance);
      count += distance > tolerance;
    }
    if (count > 0)
      found.push_back(
          {e.name, str(count, " of ", x.size(), " values, by up to ", largest), largest});
  }
  for (const WeightEntry& e : b.entries())
    if (in_b.contains(e.name)) found.push_back({e.name, "only in the second", infinity});
  return found;
}

void add_diff(CLI::App& weights, const CommonFlags& common) {
  struct Flags {
    std::string a, b;
    double tolerance = 0;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* cmd = weights.add_subcommand(
      "diff", "Compare the tensors of two files by name; exit code 3 when they differ");
  cmd->add_option("A", flags->a, "A file of weights")->required();
  cmd->add_option("B", flags->b, "Another, of any format and layout")->required();
  cmd->add_option("--tolerance", flags->tolerance, "Values may differ by so much")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  cmd->callback([flags, &common] {
    const auto a = open_weights(flags->a), b = open_weights(flags->b);
    const std::vector<Difference> found = compare(*a, *b, flags->tolerance);
    if (common.json) {
      Json out = Json::array();
      for (const Difference& d : found)
        out.push_back({{"name", d.name},
                       {"what", d.what},
                       {"largest", std::isfinite(d.largest) ? Json(d.largest) : Json(nullptr)}});
      std::printf("%s\n", Json{{"equal", found.empty()}, {"differences", out}}
                              .dump(-1, ' ', false, Json::error_handler_t::replace)
                              .c_str());
    } else {
      for (const Difference& d : found)
        std::printf("%s: %s\n", plain_name(d.name).c_str(), d.what.c_str());
      if (found.empty())
        std::printf("%zu tensors, no difference\n", a->entries().size());
      else
        std::printf("%zu differences\n", found.size());
    }
    if (!found.empty()) throw CheckFailed{};
  });
}

}  // namespace

void add_weights_command(CLI::App& app, const CommonFlags& common) {
  CLI::App* cmd = app.add_subcommand(
      "weights", "Look into files of weights, PyTorch's too; convert and compare them");
  cmd->require_subcommand(1);
  add_show(*cmd, common);
  add_convert(*cmd, common);
  add_diff(*cmd, common);
}

}  // namespace pixelgrad
