#pragma once

namespace pixelgrad {

/// Catches SIGINT, SIGTERM and SIGHUP while it lives. The first one only asks the program to stop,
/// so that training can save and leave; the second leaves at once with the exit code of the signal.
class SignalScope {
 public:
  SignalScope();
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;

  /// The number of the signal that asked to stop, or 0.
  static int requested();
};

/// Thrown when work ended early because a signal asked for it; the state was saved before.
struct Interrupted {
  int signal;
};

}  // namespace pixelgrad
