#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "os/fatal_signals.h"

namespace forager::cli {
namespace {

std::string Value(const Environment& environment, const std::string& name) {
  auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t wrote = write(fd, text.data(), text.size());
    if (wrote <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace

bool IsTerminal(int fd) { return isatty(fd) == 1; }

ScreenSize TerminalSize(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

bool SpeaksUtf8(const Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value = Value(environment, name);
    if (value.empty()) continue;
    std::ranges::transform(value, value.begin(), [](char c) { return std::tolower(c); });
    return value.find("utf-8") != value.npos || value.find("utf8") != value.npos;
  }
  return false;
}

Environment ReadTerminalEnvironment() {
  Environment found;
  for (const char* name : {"NO_COLOR", "TERM", "LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const char* value = getenv(name)) found[name] = value;
  }
  return found;
}

Style Style::For(int fd, std::string_view choice, const Environment& environment) {
  if (choice == "always") return Style(true);
  if (choice == "never" || !Value(environment, "NO_COLOR").empty()) return Style(false);
  std::string term = Value(environment, "TERM");
  return Style(IsTerminal(fd) && term != "dumb" && !term.empty());
}

std::string Style::In(Tone tone, std::string_view text) const {
  const char* code = nullptr;
  switch (tone) {
    case Tone::kPlain:
      break;
    case Tone::kBold:
      code = "1";
      break;
    case Tone::kDim:
      code = "2";
      break;
    case Tone::kGood:
      code = "32";
      break;
    case Tone::kBad:
      code = "31";
      break;
    case Tone::kWarn:
      code = "33";
      break;
    case Tone::kBusy:
      code = "36";
      break;
  }
  if (!colours_ || !code) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

Tone ToneOfState(std::string_view state) {
  if (state == "completed") return Tone::kGood;
  if (state == "failed") return Tone::kBad;
  if (state == "running") return Tone::kBusy;
  if (state == "cancelled") return Tone::kDim;
  if (state == "pending") return Tone::kWarn;
  return Tone::kPlain;
}

std::string Bar(double share, int width, bool utf8) {
  int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : "-");
  return bar;
}

struct RawTerminal::Taken {
  int input, output;
  termios settings{};
  bool known = false;
  std::optional<os::LastAct> last_act;

  static std::atomic<const Taken*> now;  // for the last act

  // Called in a signal handler too.
  void GiveBack(int when) const {
    WriteAll(output, "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l");
    if (known) tcsetattr(input, when, &settings);
  }
};

std::atomic<const RawTerminal::Taken*> RawTerminal::Taken::now;

RawTerminal::RawTerminal(int input, int output)
    : taken_(std::make_unique<Taken>(input, output)) {
  taken_->known = tcgetattr(input, &taken_->settings) == 0;
  Enter();
}

RawTerminal::~RawTerminal() { Leave(); }

void RawTerminal::Enter() {
  Taken::now = taken_.get();
  taken_->last_act.emplace([] { Taken::now.load()->GiveBack(TCSANOW); });
  if (taken_->known) {
    termios raw = taken_->settings;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(taken_->input, TCSAFLUSH, &raw);
  }
  WriteAll(taken_->output, "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J");
}

void RawTerminal::Leave() {
  taken_->GiveBack(TCSAFLUSH);
  taken_->last_act.reset();
}

}  // namespace forager::cli
