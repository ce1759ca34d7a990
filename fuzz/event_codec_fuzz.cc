// Any line as an event; what is accepted must be one line again, and an event of the same kind.
// (The JSON library may move a number by its last bit, so the text is not compared.)
#include <cstdlib>

#include "job/event.h"

using namespace forager;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto event = ParseEvent({reinterpret_cast<const char*>(data), size});
  if (!event) return 0;
  const std::string line = WriteEvent(*event);
  if (line.find('\n') != line.size() - 1) std::abort();
  const auto again = ParseEvent(std::string_view(line).substr(0, line.size() - 1));
  if (!again || again->index() != event->index()) std::abort();
  return 0;
}
