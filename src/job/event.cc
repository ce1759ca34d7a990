#include "job/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "job/codec.h"
#include "job/json_read.h"
#include "job/turn.h"

namespace forager {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxLine = 1024 * 1024;
constexpr std::size_t kMaxStage = 100;
constexpr std::size_t kMaxMessage = 16 * 1024;
constexpr double kMaxRetryAfter = 7 * 24 * 3600;

// A long text is cut, not refused: what an attempt says is worth keeping.
std::optional<std::string> Text(const json::object& object, std::string_view name,
                                std::size_t max) {
  const json::value* value = object.if_contains(name);
  if (!value || value->is_null()) return std::nullopt;
  std::string text = value->is_string() ? std::string(value->get_string()) : WriteJson(*value);
  if (text.size() > max) text.resize(max);
  return ValidUtf8(text);
}

std::optional<std::string> ObjectText(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_object()) return std::nullopt;
  return WriteJson(*value);
}

std::optional<double> Number(const json::object& object, std::string_view name, double low,
                             double high) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_number()) return std::nullopt;
  double number = value->to_number<double>();
  return number >= low && number <= high ? std::optional(number) : std::nullopt;
}

Event ReadProgress(const json::object& object) {
  ProgressEvent event;
  event.percent = Number(object, "percent", 0, 100);
  event.stage = Text(object, "stage", kMaxStage);
  event.message = Text(object, "message", kMaxMessage);
  event.url = Text(object, "url", 2'048);
  if (auto bytes = Number(object, "bytes", 0, 9e15))
    event.bytes = static_cast<std::int64_t>(*bytes);
  return event;
}

Event ReadLog(const json::object& object) {
  LogEvent event;
  if (auto level = Text(object, "level", 20))
    event.level = ParseLogLevel(*level).value_or(LogLevel::kInfo);
  event.stage = Text(object, "stage", kMaxStage);
  event.message = Text(object, "message", kMaxMessage).value_or("");
  const json::value* data = object.if_contains("data");
  if (data && !data->is_null()) event.data = WriteJson(*data);
  return event;
}

Result<Event> ReadRecord(const json::object& object) {
  RecordEvent event;
  auto entity = ObjectText(object, "entity");
  if (!entity) return Fail(ErrorCode::kInvalid, "A record needs an entity, an object");
  event.entity = std::move(*entity);
  event.confidence = Number(object, "confidence", 0, 1).value_or(0.5);
  event.entity_type = Text(object, "entity_type", 50);
  event.source_url = Text(object, "source_url", 2'048);
  event.evidence = ObjectText(object, "evidence");
  return event;
}

Result<Event> ReadChildJob(const json::object& object) {
  std::vector<FieldError> errors;
  MemberReader reader(object, "", errors);
  reader.Find("type");
  ChildJobEvent event{ReadNewJob(reader)};
  reader.RefuseOthers();
  if (!errors.empty())
    return Fail(ErrorCode::kInvalid,
                fmt::format("A child job was refused: {} {}", errors[0].field, errors[0].message));
  return event;
}

Result<Event> ReadAskTurn(const json::object& object) {
  AskTurnEvent event;
  const json::value* host = object.if_contains("host");
  auto id = Number(object, "id", 1, 9e15);
  if (!id || !host || !host->is_string() || !IsTurnHost(host->get_string()))
    return Fail(ErrorCode::kInvalid, "A turn is asked for with an id and a host");
  event.id = static_cast<std::int64_t>(*id);
  event.host = host->get_string();
  Millis interval{std::llround(Number(object, "interval_ms", 0, 9e15).value_or(0))};
  event.interval = std::min(interval, kLongestHostInterval);
  return event;
}

Result<Event> ReadResult(const json::object& object) {
  ResultEvent event;
  auto status = Text(object, "status", 20);
  if (status != "completed" && status != "failed")
    return Fail(ErrorCode::kInvalid, "A result's status must be completed or failed");
  event.completed = status == "completed";
  event.error = Text(object, "error", kMaxMessage).value_or("");
  const json::value* retryable = object.if_contains("retryable");
  if (retryable && retryable->is_bool() && retryable->get_bool())
    event.error_class = ErrorClass::kTransient;
  if (auto name = Text(object, "error_class", 40))
    event.error_class = ParseErrorClass(*name).value_or(event.error_class);
  if (auto seconds = Number(object, "retry_after", 0, kMaxRetryAfter))
    event.retry_after = Millis{std::llround(*seconds * 1'000)};
  return event;
}

void Put(json::object& object, std::string_view name, const std::optional<std::string>& text) {
  if (text) object[name] = ValidUtf8(*text);
}
// `text` is JSON already; kept only when it reads as such.
void PutJson(json::object& object, std::string_view name, const std::optional<std::string>& text) {
  if (!text) return;
  json::error_code error;
  json::value value = json::parse(*text, error);
  if (!error) object[name] = std::move(value);
}

struct Writer {
  json::object operator()(const HeartbeatEvent&) const { return {{"type", "heartbeat"}}; }
  json::object operator()(const ProgressEvent& event) const {
    json::object object{{"type", "progress"}};
    if (event.percent) object["percent"] = *event.percent;
    Put(object, "stage", event.stage);
    Put(object, "message", event.message);
    Put(object, "url", event.url);
    if (event.bytes) object["bytes"] = *event.bytes;
    return object;
  }
  json::object operator()(const LogEvent& event) const {
    json::object object{{"type", "log"}, {"level", Name(event.level)}};
    Put(object, "stage", event.stage);
    object["message"] = ValidUtf8(event.message);
    PutJson(object, "data", event.data);
    return object;
  }
  json::object operator()(const RecordEvent& event) const {
    json::object object{{"type", "record"}, {"confidence", event.confidence}};
    PutJson(object, "entity", event.entity);
    Put(object, "entity_type", event.entity_type);
    Put(object, "source_url", event.source_url);
    PutJson(object, "evidence", event.evidence);
    return object;
  }
  json::object operator()(const ChildJobEvent& event) const {
    const NewJob& job = event.job;
    json::object object{
        {"type", "job"}, {"entity_type", job.entity_type}, {"job_type", job.job_type}};
    Put(object, "entity_id", job.entity_id);
    Put(object, "search_query", job.search_query);
    Put(object, "target_url", job.target_url);
    PutJson(object, "search_filters", job.search_filters);
    if (job.priority) object["priority"] = *job.priority;
    if (job.run_at) object["run_at"] = FormatRfc3339(*job.run_at);
    if (job.max_attempts) object["max_attempts"] = *job.max_attempts;
    if (job.timeout)
      object["timeout_minutes"] = static_cast<double>(job.timeout->count()) / 60'000.0;
    Put(object, "initiated_by", job.initiated_by);
    Put(object, "unique_key", job.unique_key);
    return object;
  }
  json::object operator()(const AskTurnEvent& event) const {
    return {{"type", "ask_turn"},
            {"id", event.id},
            {"host", event.host},
            {"interval_ms", event.interval.count()}};
  }
  json::object operator()(const ResultEvent& event) const {
    json::object object{{"type", "result"}, {"status", event.completed ? "completed" : "failed"}};
    if (event.completed) return object;
    object["error"] = ValidUtf8(event.error);
    object["error_class"] = Name(event.error_class);
    object["retryable"] = event.error_class == ErrorClass::kTransient;
    if (event.retry_after)
      object["retry_after"] = static_cast<double>(event.retry_after->count()) / 1'000.0;
    return object;
  }
};

}  // namespace

Result<Event> ParseEvent(std::string_view line) {
  if (line.size() > kMaxLine) return Fail(ErrorCode::kTooLarge, "The line is longer than 1 MiB");
  if (line.find_first_not_of(" \t\r") == std::string_view::npos ||
      line[line.find_first_not_of(" \t\r")] != '{') {
    return Fail(ErrorCode::kMalformed, "Not an event");
  }
  auto value = ParseJson(line);
  if (!value) return std::unexpected(value.error());
  const json::object& object = value->get_object();
  auto type = Text(object, "type", 40);
  if (type == "heartbeat") return HeartbeatEvent{};
  if (type == "progress") return ReadProgress(object);
  if (type == "log") return ReadLog(object);
  if (type == "record") return ReadRecord(object);
  if (type == "job") return ReadChildJob(object);
  if (type == "ask_turn") return ReadAskTurn(object);
  if (type == "result") return ReadResult(object);
  return Fail(ErrorCode::kInvalid, "Not an event of a known type");
}

std::string WriteEvent(const Event& event) { return WriteJson(std::visit(Writer{}, event)) + "\n"; }

}  // namespace forager
