// What an attempt says: one JSON object a line, the same for built-in collectors and for commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "job/job.h"

namespace forager {

struct HeartbeatEvent {};
struct ProgressEvent {
  std::optional<double> percent;
  std::optional<std::string> stage;
  std::optional<std::string> message;
  std::optional<std::string> url;     // the page being worked on, for the hang snapshot
  std::optional<std::int64_t> bytes;  // fetched so far: progress too
};
struct LogEvent {
  LogLevel level = LogLevel::kInfo;
  std::optional<std::string> stage;
  std::string message;
  std::optional<std::string> data;  // JSON
};
struct RecordEvent {
  std::string entity;                      // JSON object
  double confidence = 0.5;                 // 0 to 1
  std::optional<std::string> entity_type;  // none: the job's
  std::optional<std::string> source_url;
  std::optional<std::string> evidence;  // JSON object
};
struct ChildJobEvent {
  NewJob job;
};
// May the next request go to this host? The server answers with a TurnAnswer (job/turn.h).
struct AskTurnEvent {
  std::int64_t id = 0;
  std::string host;    // host[:port] of a URL, in lower case
  Millis interval{0};  // the smallest gap the host seems to need; 0: not known yet
};
struct ResultEvent {
  bool completed = false;
  std::string error;
  ErrorClass error_class = ErrorClass::kPermanent;  // when not completed
  std::optional<Millis> retry_after;
};

using Event = std::variant<HeartbeatEvent, ProgressEvent, LogEvent, RecordEvent, ChildJobEvent,
                           AskTurnEvent, ResultEvent>;

// What one line of an attempt says.
struct ParsedEvent {
  // None: other output, or an event that cannot be read.
  std::optional<Event> event;
  // What of a line that is meant as an event could not be read, a sentence each: to be warned of
  // and counted. With an event beside it: only that part of it is lost.
  std::vector<std::string> problems;
  bool unreadable_result = false;  // the event is a failure in place of a result that was meant
  unsigned mended = 0;             // JsonMend bits: read, but not as it was written
  std::string_view rest;           // what follows on the same line, another line of its own

  bool meant() const { return event || !problems.empty(); }
};

inline constexpr std::size_t kMaxEventLine = 1 << 20;

// One line without its newline. A line is meant as an event when it is a JSON object whose "type"
// is one of these, or looks as if it should be one; anything else is a command's other output,
// which becomes a log line. Strings become valid UTF-8, long texts are cut, numbers in entities,
// evidence, data and filters stay as written. A result that is meant and cannot be understood is a
// failure.
//   {"type":"heartbeat"}
//   {"type":"progress","percent":40,"stage":"parsing","message":"...","url":"...","bytes":123}
//   {"type":"log","level":"INFO","stage":"...","message":"...","data":{}}
//   {"type":"record","entity":{...},"entity_type":"...","confidence":0.9,"source_url":"...","evidence":{...}}
//   {"type":"job","entity_type":"...","job_type":"...", ...}   (members of a create body)
//   {"type":"ask_turn","id":1,"host":"example.com","interval_ms":250}   (built-in collectors only)
//   {"type":"result","status":"completed"|"failed","error":"...","retryable":true,"retry_after":60,"error_class":"invalid"}
ParsedEvent ParseEvent(std::string_view line);
// A line of `size` bytes, more than kMaxEventLine: its beginning and its end.
ParsedEvent ParseTooLong(std::string_view head, std::string_view tail, std::size_t size);

// The line with its newline. It can be read back: what makes it too long, or is no JSON, is left
// out, and a record without its entity becomes a warning.
std::string WriteEvent(const Event& event);

// The classes a collector may give its own failure; the others are the server's to find.
bool MayClaim(ErrorClass error_class, bool builtin);

}  // namespace forager
