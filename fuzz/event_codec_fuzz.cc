// Any line as an event; what is accepted must be one line again, and an event of the same kind.
// (The JSON library may move a number by its last bit, so the text is not compared.)
#include <cstdlib>

#include "job/event.h"

using namespace forager;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = ParseEvent(text);
  if (read.rest.size() >= size && size > 0) std::abort();
  if (read.unreadable_result && (!read.event || read.problems.empty())) std::abort();
  const auto too_long = ParseTooLong(text, text.substr(size / 2), size);
  if (too_long.event && !too_long.unreadable_result) std::abort();
  if (!read.event) return 0;
  const std::string line = WriteEvent(*read.event);
  if (line.find('\n') != line.size() - 1) std::abort();
  const auto again = ParseEvent(std::string_view(line).substr(0, line.size() - 1));
  if (!again.event || again.event->index() != read.event->index()) std::abort();
  return 0;
}
