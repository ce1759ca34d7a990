// Events as lines: what the worker says to the server.
#include <fmt/format.h>

#include <cmath>

#include "job/codec.h"
#include "job/event.h"
#include "job/loose_json.h"
#include "job/text.h"

namespace forager {
namespace {

// Each text of an event; all of them together leave room for the rest of the line.
constexpr std::size_t kMaxText = 64 * 1024;

class Line {
 public:
  explicit Line(std::string_view type) : out_("{\"type\":\"" + std::string(type) + '"') {}

  void Raw(std::string_view name, std::string_view json) {
    out_ += ",\"";
    out_ += name;
    out_ += "\":";
    out_ += json;
  }
  void Text(std::string_view name, const std::optional<std::string>& text) {
    if (text) Raw(name, WriteString(CutText(*text, kMaxText)));
  }
  void Number(std::string_view name, double number) {
    if (std::isfinite(number)) Raw(name, fmt::format("{}", number));
  }
  // Left out when it is no JSON, or too long for the line.
  bool Json(std::string_view name, const std::optional<std::string>& json) {
    auto valid = json ? MendJson(*json) : std::nullopt;
    bool fits = valid && out_.size() + name.size() + valid->size() + kRoom < kMaxEventLine;
    if (fits) Raw(name, *valid);
    return fits;
  }
  std::string Take() && { return std::move(out_ += "}\n"); }

 private:
  static constexpr std::size_t kRoom = 256 * 1024;  // for the texts that follow
  std::string out_;
};

struct Writer {
  std::string operator()(const HeartbeatEvent&) const { return Line("heartbeat").Take(); }
  std::string operator()(const ProgressEvent& event) const {
    Line line("progress");
    if (event.percent) line.Number("percent", *event.percent);
    line.Text("stage", event.stage);
    line.Text("message", event.message);
    line.Text("url", event.url);
    if (event.bytes) line.Raw("bytes", fmt::format("{}", *event.bytes));
    return std::move(line).Take();
  }
  std::string operator()(const LogEvent& event) const {
    Line line("log");
    line.Text("level", std::string(Name(event.level)));
    line.Text("stage", event.stage);
    line.Text("message", event.message);
    line.Json("data", event.data);
    return std::move(line).Take();
  }
  std::string operator()(const RecordEvent& event) const {
    Line line("record");
    line.Number("confidence", event.confidence);
    if (!line.Json("entity", event.entity)) {
      LogEvent instead;
      instead.level = LogLevel::kWarning;
      instead.message = fmt::format("A record of {} bytes was left out: it is no JSON, or too long",
                                    event.entity.size());
      return (*this)(instead);
    }
    line.Text("entity_type", event.entity_type);
    line.Text("source_url", event.source_url);
    line.Json("evidence", event.evidence);
    return std::move(line).Take();
  }
  std::string operator()(const ChildJobEvent& event) const {
    const NewJob& job = event.job;
    Line line("job");
    line.Text("entity_type", job.entity_type);
    line.Text("job_type", job.job_type);
    line.Text("entity_id", job.entity_id);
    line.Text("search_query", job.search_query);
    line.Text("target_url", job.target_url);
    line.Json("search_filters", job.search_filters);
    if (job.priority) line.Raw("priority", fmt::format("{}", *job.priority));
    if (job.run_at) line.Text("run_at", FormatRfc3339(*job.run_at));
    if (job.max_attempts) line.Raw("max_attempts", fmt::format("{}", *job.max_attempts));
    if (job.timeout)
      line.Number("timeout_minutes", static_cast<double>(job.timeout->count()) / 60'000.0);
    line.Text("initiated_by", job.initiated_by);
    line.Text("unique_key", job.unique_key);
    return std::move(line).Take();
  }
  std::string operator()(const AskTurnEvent& event) const {
    Line line("ask_turn");
    line.Raw("id", fmt::format("{}", event.id));
    line.Text("host", event.host);
    line.Raw("interval_ms", fmt::format("{}", event.interval.count()));
    return std::move(line).Take();
  }
  std::string operator()(const ResultEvent& event) const {
    Line line("result");
    line.Text("status", event.completed ? "completed" : "failed");
    if (event.completed) return std::move(line).Take();
    line.Text("error", event.error);
    line.Text("error_class", std::string(Name(event.error_class)));
    line.Raw("retryable", event.error_class == ErrorClass::kTransient ? "true" : "false");
    if (event.retry_after)
      line.Number("retry_after", static_cast<double>(event.retry_after->count()) / 1'000.0);
    return std::move(line).Take();
  }
};

}  // namespace

std::string WriteEvent(const Event& event) { return std::visit(Writer{}, event); }

}  // namespace forager
