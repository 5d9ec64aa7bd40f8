#pragma once
#include <CLI/CLI.hpp>
#include <functional>

#include "tensor/device.h"

namespace pixelgrad::bench {

/// Adds --threads, parses the command line and calls `body`, whose result is the exit code. Errors
/// are one line on stderr: 2 for wrong options, 1 for what fails later.
int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

/// Adds --device, which `device` keeps, --precision and, in a build with CUDA, --one-tap. A CPU
/// takes bf16 only where what is timed is a network: its kernels have no other precision.
void add_device_options(CLI::App& app, Device& device, bool times_networks);

}  // namespace pixelgrad::bench
