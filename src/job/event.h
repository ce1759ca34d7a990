// What an attempt says: one JSON object a line, the same for built-in collectors and for commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "job/error.h"
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

// One line without its newline. An error for what is not an event of ours (a command's other
// output, which becomes a log line). Bounds: 1 MiB a line; strings are made valid UTF-8.
//   {"type":"heartbeat"}
//   {"type":"progress","percent":40,"stage":"parsing","message":"...","url":"...","bytes":123}
//   {"type":"log","level":"INFO","stage":"...","message":"...","data":{}}
//   {"type":"record","entity":{...},"entity_type":"...","confidence":0.9,"source_url":"...","evidence":{...}}
//   {"type":"job","entity_type":"...","job_type":"...", ...}   (members of a create body)
//   {"type":"ask_turn","id":1,"host":"example.com","interval_ms":250}   (built-in collectors only)
//   {"type":"result","status":"completed"|"failed","error":"...","retryable":true,"retry_after":60,"error_class":"invalid"}
Result<Event> ParseEvent(std::string_view line);
// The line with its newline.
std::string WriteEvent(const Event& event);

}  // namespace forager
