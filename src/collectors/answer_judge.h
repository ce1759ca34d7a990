// What an HTTP answer means for a job: content, a reason to try again, a final no, or a block page
// (an outcome of its own, never content). Judged by status and body, not by a vendor's header.
// Pure.
#pragma once

#include <optional>
#include <string_view>

#include "collectors/page_fetcher.h"
#include "collectors/page_parser.h"

namespace forager::collectors {

// By status and kind of content; nothing when the body is worth reading.
std::optional<FetchFailure> JudgeAnswer(const Page& page);
// A challenge, login or "access denied" page that came with a good status. Only to be asked of a
// page that has no structured data about anything.
std::optional<FetchFailure> JudgeBody(const Page& page, const HtmlDocument& document);

// Seconds or an HTTP date, seen from `now`; at most a day.
std::optional<Millis> ParseRetryAfter(const std::string& text, WallTime now);

}  // namespace forager::collectors
