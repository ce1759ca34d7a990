// The request parser on any bytes: cut in two ways it must say the same, and what it accepts must
// keep its promises.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/request_parser.h"

namespace {

using forager::http::RequestParser;

constexpr std::size_t kMaxHead = 2'048;
constexpr std::uint64_t kMaxBody = 4'096;

struct Outcome {
  RequestParser parser{kMaxHead};
  std::size_t used = 0;
  bool too_large = false;
};

void Feed(Outcome& out, std::string_view bytes, std::size_t step) {
  bool limited = false;
  std::size_t end = 0;
  while (end < bytes.size()) {
    end = std::min(end + step, bytes.size());
    for (;;) {
      const std::size_t taken = out.parser.Feed(bytes.substr(out.used, end - out.used));
      if (taken > end - out.used) std::abort();
      out.used += taken;
      if (out.parser.state() != RequestParser::State::kBody || limited) break;
      limited = true;
      if (!out.parser.LimitBody(kMaxBody)) {
        out.too_large = true;
        return;
      }
    }
    if (out.parser.state() == RequestParser::State::kComplete ||
        out.parser.state() == RequestParser::State::kRefused) {
      return;
    }
  }
}

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t step = 1 + data[0] % 32;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Outcome whole, cut;
  Feed(whole, bytes, bytes.size());
  Feed(cut, bytes, step);
  Require(whole.too_large == cut.too_large);
  // A bad byte far behind may be seen sooner in the whole; accepted requests must be the same.
  const bool complete = whole.parser.state() == RequestParser::State::kComplete;
  Require(complete == (cut.parser.state() == RequestParser::State::kComplete));
  if (!complete) return 0;
  Require(whole.used == cut.used);
  Require(whole.parser.body() == cut.parser.body());
  const auto& head = whole.parser.head();
  Require(head.path == cut.parser.head().path && head.query == cut.parser.head().query);
  Require(head.headers == cut.parser.head().headers);
  Require(whole.parser.body().size() <= kMaxBody);
  Require(!head.path.empty() && forager::http::IsValidUtf8(head.path));
  Require(head.path.find('\0') == std::string::npos);
  for (const auto& [name, value] : head.headers) {
    Require(!name.empty() && name.find_first_of(" \t\r\n") == std::string::npos);
    Require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  return 0;
}
