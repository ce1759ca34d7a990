// Output of strangers, in pieces: whether a line is new does not depend on how it was cut, a text
// says nothing new when it comes again, and masking never makes a line longer.
#include <stdlib.h>

#include <string>
#include <string_view>

#include "supervisor/line_changes.h"

using namespace forager;
using namespace forager::supervisor;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  static const os::Wall now{std::chrono::milliseconds(1'795'794'063'345)};
  LineChanges whole, cut;
  bool changed = whole.Add(text, now);
  bool parts = cut.Add(text.substr(0, size / 3), now);
  parts |= cut.Add(text.substr(size / 3), now);
  if (changed != parts) abort();
  std::string masked = MaskTimes(text, now);
  if (masked.size() > text.size()) abort();
  if (text.find_first_of("\r\n") == std::string_view::npos && changed) abort();
  LineChanges once;
  std::string line(text.substr(0, text.find_first_of("\r\n")));
  once.Add(line + "\n", now);
  if (once.Add(line + "\n", now)) abort();
  return 0;
}
