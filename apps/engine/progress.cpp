#include "apps/engine/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace pixelgrad {
namespace {

constexpr auto redraw_every = std::chrono::milliseconds(100);

}  // namespace

Verbosity Verbosity::detect(bool quiet) {
  Verbosity v;
  v.quiet = quiet;
  const char* term = std::getenv("TERM");
  v.terminal = isatty(STDERR_FILENO) && term && std::string(term) != "dumb";
  const char* no_color = std::getenv("NO_COLOR");
  v.color = v.terminal && !(no_color && *no_color);
  return v;
}

std::string format_duration(double seconds) {
  const auto s = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  char text[32];
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", static_cast<long>(s / 3600),
                  static_cast<long>(s / 60 % 60), static_cast<long>(s % 60));
  else
    std::snprintf(text, sizeof text, "%ld:%02ld", static_cast<long>(s / 60),
                  static_cast<long>(s % 60));
  return text;
}

std::string grouped(int64_t value) {
  const std::string digits = std::to_string(value);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

int terminal_width(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

Progress::Progress(const Verbosity& verbosity, std::string label, int64_t total)
    : verbosity_(verbosity), label_(std::move(label)), total_(total) {}

Progress::~Progress() {
  if (visible_) std::fputs("\r\033[K", stderr);
}

void Progress::update(int64_t done, int64_t images, const std::string& note) {
  if (verbosity_.quiet || !verbosity_.terminal) return;
  if (first_ < 0) first_ = done - 1;  // a resumed epoch starts in the middle
  const auto now = Clock::now();
  if (visible_ && now - drawn_ < redraw_every && done < total_) return;
  drawn_ = now;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double left = elapsed / static_cast<double>(std::max<int64_t>(1, done - first_)) *
                      static_cast<double>(total_ - done);
  char tail[160];
  std::snprintf(tail, sizeof tail, " %ld/%ld  %s  %.1f images/s  %s left", static_cast<long>(done),
                static_cast<long>(total_), note.c_str(),
                static_cast<double>(images) / std::max(elapsed, 1e-9),
                format_duration(left).c_str());
  const int room = terminal_width(STDERR_FILENO) - 1 - static_cast<int>(label_.size()) -
                   static_cast<int>(std::string(tail).size()) - 3;
  std::string bar;
  if (const int width = std::min(room, 30); width >= 4) {
    const int full = static_cast<int>(done * width / std::max<int64_t>(1, total_));
    bar = "[" + std::string(static_cast<size_t>(full), '=') +
          std::string(static_cast<size_t>(width - full), ' ') + "]";
  }
  std::string line = label_ + " " + bar + tail;
  line.resize(std::min(line.size(), static_cast<size_t>(terminal_width(STDERR_FILENO) - 1)));
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  visible_ = true;
}

void Progress::finish(const std::string& line) {
  if (visible_) std::fputs("\r\033[K", stderr);
  visible_ = false;
  if (!verbosity_.quiet) std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace pixelgrad
