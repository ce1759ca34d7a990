#include "job/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "job/codec.h"
#include "job/event_members.h"
#include "job/json_read.h"
#include "job/loose_json.h"
#include "job/text.h"
#include "job/turn.h"

namespace forager {
namespace {

constexpr std::size_t kMaxStage = 100;
constexpr std::size_t kMaxMessage = 16 * 1024;
constexpr std::size_t kMaxExcerpt = 200;
constexpr double kMaxRetryAfter = 7 * 24 * 3600;

struct Kind {
  std::string_view type, words;
};
constexpr Kind kKinds[] = {
    {"heartbeat", "A heartbeat"}, {"progress", "A progress event"},
    {"log", "A log event"},       {"record", "A record"},
    {"job", "A child job"},       {"ask_turn", "A question for a turn"},
    {"result", "The result"},
};

const Kind* FindKind(std::string_view type) {
  auto found = std::ranges::find(kKinds, LowerCase(type), &Kind::type);
  return found == std::end(kKinds) ? nullptr : &*found;
}

std::string Excerpt(std::string_view line) {
  return CutText(ValidUtf8(line.substr(0, 2 * kMaxExcerpt)), kMaxExcerpt);
}

Event ReadProgress(EventMembers& members) {
  ProgressEvent event;
  event.percent = members.Clamped("percent", 0, 100);
  event.stage = members.Text("stage", kMaxStage);
  event.message = members.Text("message", kMaxMessage);
  event.url = members.Text("url", 2'048);
  if (auto bytes = members.Number("bytes", 0, 9e15))
    event.bytes = static_cast<std::int64_t>(*bytes);
  return event;
}

Event ReadLog(EventMembers& members) {
  LogEvent event;
  if (auto level = members.Text("level", 20))
    event.level = ParseLogLevel(*level).value_or(LogLevel::kInfo);
  event.stage = members.Text("stage", kMaxStage);
  event.message = members.Text("message", kMaxMessage).value_or("");
  event.data = members.Any("data");
  return event;
}

std::optional<Event> ReadRecord(EventMembers& members) {
  RecordEvent event;
  auto entity = members.Object("entity");
  if (!entity) {
    if (!members.Has("entity")) members.Wrong("it needs an entity, an object");
    return std::nullopt;
  }
  event.entity = std::move(*entity);
  event.confidence = members.Number("confidence", 0, 1).value_or(0.5);
  event.entity_type = members.Text("entity_type", 1'000);
  if (event.entity_type && !IsKindName(*event.entity_type)) {
    members.LeftOut("entity_type", "1 to 50 characters of a-z, 0-9 and _");
    event.entity_type.reset();
  }
  event.source_url = members.Text("source_url", 2'048);
  event.evidence = members.Object("evidence");
  return event;
}

std::optional<Event> ReadChildJob(EventMembers& members) {
  std::string text = members.ChildBody();
  auto value = ParseJson(text);
  if (!value) {
    members.Wrong(value.error().detail);
    return std::nullopt;
  }
  std::vector<FieldError> errors;
  ChildJobEvent event{ReadJobBody(*value, text, errors)};
  if (errors.empty()) return event;
  members.Wrong(fmt::format("{} {}", errors[0].field, errors[0].message));
  return std::nullopt;
}

std::optional<Event> ReadAskTurn(EventMembers& members) {
  AskTurnEvent event;
  auto host = members.Text("host", 1'000);
  auto id = members.Number("id", 1, 9e15);
  if (!id || !host || !IsTurnHost(*host)) {
    members.Wrong("a turn is asked for with an id and a host");
    return std::nullopt;
  }
  event.id = static_cast<std::int64_t>(*id);
  event.host = *host;
  Millis interval{std::llround(members.Number("interval_ms", 0, 9e15).value_or(0))};
  event.interval = std::min(interval, kLongestHostInterval);
  return event;
}

// true: completed; nothing: it says neither.
std::optional<bool> ReadStatus(std::string_view status) {
  constexpr std::string_view kCompleted[] = {"completed",  "complete", "success",  "succeeded",
                                             "successful", "ok",       "finished", "done"};
  constexpr std::string_view kFailed[] = {"failed",  "fail",  "failure", "error",
                                          "errored", "fatal", "crashed", "aborted"};
  std::string lower = LowerCase(status);
  if (std::ranges::find(kCompleted, lower) != std::end(kCompleted)) return true;
  if (std::ranges::find(kFailed, lower) != std::end(kFailed)) return false;
  return std::nullopt;
}

std::optional<Event> ReadResult(EventMembers& members) {
  ResultEvent event;
  auto status = ReadStatus(members.Text("status", 100).value_or(""));
  if (!status) {
    members.Wrong(members.Has("status") ? "its status must be completed or failed"
                                        : "it has no status, which must be completed or failed");
    return std::nullopt;
  }
  event.completed = *status;
  event.error = members.Text("error", kMaxMessage).value_or("");
  bool retry = members.Flag("retryable").value_or(false);
  event.error_class = retry ? ErrorClass::kTransient : ErrorClass::kPermanent;
  if (auto name = members.Text("error_class", 100)) {
    auto known = ParseErrorClass(LowerCase(*name));
    if (known && MayClaim(*known, true))
      event.error_class = *known;
    else if (!event.completed)
      members.LeftOut("error_class", "one that a collector may give");
  }
  if (auto seconds = members.Clamped("retry_after", 0, kMaxRetryAfter))
    event.retry_after = Millis{std::llround(*seconds * 1'000)};
  return event;
}

std::optional<Event> Read(std::string_view type, EventMembers& members) {
  if (type == "heartbeat") return HeartbeatEvent{};
  if (type == "progress") return ReadProgress(members);
  if (type == "log") return ReadLog(members);
  if (type == "record") return ReadRecord(members);
  if (type == "job") return ReadChildJob(members);
  if (type == "ask_turn") return ReadAskTurn(members);
  return ReadResult(members);
}

// Takes `c` off the front.
bool Take(std::string_view& text, std::string_view any) {
  if (text.empty() || !any.contains(text.front())) return false;
  text.remove_prefix(1);
  return true;
}

// The kind that a text which is no JSON names: "type": "result", 'type': 'result', type: 'result'.
// At its front, else at its end: members may be sorted.
const Kind* NamedKind(std::string_view text) {
  const Kind* kind = nullptr;
  for (auto at = text.find("type"); at != text.npos; at = text.find("type", at + 1)) {
    if (at > 0 && !std::string_view("\"' ,{").contains(text[at - 1])) continue;
    std::string_view rest = text.substr(at + 4);
    Take(rest, "\"'");
    while (Take(rest, " ")) {
    }
    if (!Take(rest, ":")) continue;
    while (Take(rest, " ")) {
    }
    if (!Take(rest, "\"'")) continue;
    const Kind* named = FindKind(rest.substr(0, rest.find_first_of("\"'")));
    if (!named) continue;
    kind = named;
    if (at < 8) break;
  }
  return kind;
}

// What cannot be read is told; in place of a result it is a failure.
void Unreadable(ParsedEvent& parsed, const Kind& kind, std::string_view why,
                std::string_view line) {
  std::string problem = fmt::format("{} could not be read: {}: {}", kind.words, why, Excerpt(line));
  if (kind.type == "result") {
    parsed.event = ResultEvent{false, problem, ErrorClass::kInvalid, {}};
    parsed.unreadable_result = true;
  }
  parsed.problems.push_back(std::move(problem));
}

// The kind of a line that does not read as a whole.
const Kind* MeantKind(const LooseJson& json, std::string_view text) {
  const std::string* type = json.Find("type");
  return type ? FindKind(JsonText(*type).value_or("")) : NamedKind(text);
}

}  // namespace

bool MayClaim(ErrorClass error_class, bool builtin) {
  switch (error_class) {
    case ErrorClass::kTransient:
    case ErrorClass::kPermanent:
    case ErrorClass::kUnmetExpectation:
    case ErrorClass::kInvalid:
    case ErrorClass::kMissingApiKey:
    case ErrorClass::kBudgetExceeded:
      return true;
    case ErrorClass::kCrashed:
      return builtin;  // it catches its own want of memory
    default:
      return false;
  }
}

ParsedEvent ParseEvent(std::string_view line) {
  ParsedEvent parsed;
  LooseJson json = ReadLooseObject(line);
  if (json.used == 0 && !json.readable()) return parsed;  // begins otherwise
  const Kind* kind = json.readable() && !json.Find("type") ? nullptr : MeantKind(json, line);
  if (!kind) return parsed;
  if (!json.readable()) {
    Unreadable(parsed, *kind, fmt::format("{} near byte {}", json.why, json.used), line);
    return parsed;
  }
  parsed.mended = json.mended;
  parsed.rest = line.substr(json.used);
  std::string_view whole = line.substr(0, json.used);
  EventMembers members(json);
  parsed.event = Read(kind->type, members);
  parsed.mended |= members.mended();
  if (!parsed.event) {
    Unreadable(parsed, *kind, members.wrong(), whole);
  }
  for (const std::string& lost : members.left_out())
    parsed.problems.push_back(fmt::format("{}: {}: {}", kind->words, lost, Excerpt(whole)));
  return parsed;
}

ParsedEvent ParseTooLong(std::string_view head, std::string_view tail, std::size_t size) {
  ParsedEvent parsed;
  LooseJson json = ReadLooseObject(head);
  if (json.used == 0) return parsed;
  const Kind* kind = json.Find("type") ? MeantKind(json, head) : NamedKind(tail);
  if (kind)
    Unreadable(parsed, *kind, fmt::format("its line has {} bytes, more than 1 MiB", size), head);
  return parsed;
}

}  // namespace forager
