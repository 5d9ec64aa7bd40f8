#include "apps/engine/signals.h"

#include <signal.h>
#include <unistd.h>

#include <array>

namespace pixelgrad {
namespace {

constexpr std::array handled{SIGINT, SIGTERM, SIGHUP};
volatile sig_atomic_t stop_signal = 0;
std::array<struct sigaction, handled.size()> previous;

extern "C" void on_signal(int number) {
  if (stop_signal != 0) _exit(128 + number);
  stop_signal = number;
  // write() is safe in a handler; nothing can be done about a failure here.
  constexpr char text[] = "\nstopping: saving the run, once more to leave at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, sizeof text - 1);
}

}  // namespace

SignalScope::SignalScope() {
  stop_signal = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < handled.size(); ++i) sigaction(handled[i], &action, &previous[i]);
}

SignalScope::~SignalScope() {
  for (size_t i = 0; i < handled.size(); ++i) sigaction(handled[i], &previous[i], nullptr);
}

int SignalScope::requested() { return stop_signal; }

}  // namespace pixelgrad
