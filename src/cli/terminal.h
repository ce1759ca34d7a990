// What we write to: a terminal or not, how wide, with colours or without. RawTerminal takes the
// whole screen and always gives it back.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace forager::cli {

using Environment = std::map<std::string, std::string>;

bool IsTerminal(int fd);
struct ScreenSize {
  int columns = 80;
  int rows = 24;
};
ScreenSize TerminalSize(int fd);
bool SpeaksUtf8(const Environment& environment);
// The variables that say how to write: NO_COLOR, TERM, COLUMNS, LANG and its like.
Environment ReadTerminalEnvironment();

enum class Tone { kPlain, kBold, kDim, kGood, kBad, kWarn, kBusy };

class Style {
 public:
  explicit Style(bool colours = false) : colours_(colours) {}
  // `choice` is auto, always or never. NO_COLOR and TERM=dumb turn auto into never.
  static Style For(int fd, std::string_view choice, const Environment& environment);

  bool colours() const { return colours_; }
  std::string In(Tone tone, std::string_view text) const;

 private:
  bool colours_;
};
Tone ToneOfState(std::string_view state);

// "████████░░░░" or "########----".
std::string Bar(double share, int width, bool utf8);

// The alternate screen, no echo, keys one by one, no cursor; undone when it goes, and before a
// signal ends the process. One at a time.
class RawTerminal {
 public:
  RawTerminal(int input, int output);
  ~RawTerminal();
  void Leave();  // for a while: Ctrl-Z
  void Enter();

 private:
  struct Taken;
  std::unique_ptr<Taken> taken_;
};

}  // namespace forager::cli
