// The answer to an attempt that asked for its turn at a host: one JSON object a line on the
// attempt's input, after its job. What asks is AskTurnEvent (job/event.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "job/error.h"
#include "job/time.h"

namespace forager {

// What a host may ask for itself, by Crawl-delay or by being slow; more is cut to it.
inline constexpr Millis kLongestHostInterval{30'000};
// An attempt waits no longer for its first turn while it holds a slot, and for a later one, when it
// would lose what it has done.
inline constexpr Millis kLongestFirstWait{5 * 60'000};
inline constexpr Millis kLongestTurnWait{30 * 60'000};

struct TurnAnswer {
  std::int64_t id = 0;  // of the question
  bool granted = false;
  Millis wait{0};  // until the turn; when not granted, until it is worth asking again
};

// A name or an address with an optional port, as URLs of ours have it: at most 262 octets of
// [a-z0-9._:-] and brackets.
bool IsTurnHost(std::string_view text);

//   {"type":"turn","id":1,"wait_ms":250}
//   {"type":"turn","id":1,"refused":true,"wait_ms":310000}
std::string WriteTurnAnswer(const TurnAnswer& answer);  // with its newline
Result<TurnAnswer> ParseTurnAnswer(std::string_view line);

}  // namespace forager
