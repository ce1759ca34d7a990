#include "job/codec.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "job/json_read.h"

namespace forager {
namespace {

namespace json = boost::json;

// Writes one flat object by hand: lists of a hundred jobs are made often.
class ObjectWriter {
 public:
  ObjectWriter() { out_.reserve(1'024); }

  void Raw(std::string_view name, std::string_view value) {
    out_ += out_.empty() ? '{' : ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
    out_ += value;
  }
  void Text(std::string_view name, std::string_view value) { Raw(name, WriteString(value)); }
  void Text(std::string_view name, const std::string& value) {
    Text(name, std::string_view(value));
  }
  void Text(std::string_view name, const std::optional<std::string>& value) {
    value ? Text(name, std::string_view(*value)) : Null(name);
  }
  void Json(std::string_view name, const std::optional<std::string>& value) {
    Raw(name, Readable(value) ? *value : "null");
  }
  void Bool(std::string_view name, bool value) { Raw(name, value ? "true" : "false"); }
  void Null(std::string_view name) { Raw(name, "null"); }
  void Time(std::string_view name, WallTime value) { Text(name, FormatRfc3339(value)); }
  void Time(std::string_view name, const std::optional<WallTime>& value) {
    value ? Time(name, *value) : Null(name);
  }
  template <typename T>
  void Number(std::string_view name, T value) {
    Raw(name, fmt::format("{}", value));
  }
  template <typename T>
  void Number(std::string_view name, const std::optional<T>& value) {
    value ? Number(name, *value) : Null(name);
  }
  std::string Take() && { return std::move(out_ += '}'); }

 private:
  // JSON columns may have been edited by hand: what does not read as JSON is shown as null.
  static bool Readable(const std::optional<std::string>& value) {
    if (!value) return false;
    json::error_code error;
    json::stream_parser parser;
    parser.write(value->data(), value->size(), error);
    if (!error) parser.finish(error);
    return !error;
  }
  std::string out_;
};

constexpr std::string_view kFilterMembers[] = {"location", "community_id", "builder_id"};

void WriteFilters(ObjectWriter& out, const std::optional<std::string>& filters) {
  out.Json("search_filters", filters);
  json::error_code error;
  json::value value = filters ? json::parse(*filters, error) : json::value(nullptr);
  for (std::string_view name : kFilterMembers) {
    const json::value* inside =
        !error && value.is_object() ? value.get_object().if_contains(name) : nullptr;
    out.Raw(name, inside && inside->is_string()
                      ? WriteString(std::string_view(inside->get_string()))
                      : "null");
  }
}

void WriteWhat(ObjectWriter& out, const Job& job) {
  out.Text("job_id", std::string_view(job.job_id));
  out.Text("entity_type", std::string_view(job.entity_type));
  out.Text("job_type", std::string_view(job.job_type));
  out.Text("entity_id", job.entity_id);
  out.Text("search_query", job.search_query);
  out.Text("target_url", job.target_url);
  WriteFilters(out, job.search_filters);
}

}  // namespace

std::string ValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  auto follows = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (i < text.size()) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = lead < 0x80                   ? 1
                         : lead >= 0xC2 && lead < 0xE0 ? 2
                         : lead >= 0xE0 && lead < 0xF0 ? 3
                         : lead >= 0xF0 && lead < 0xF5 ? 4
                                                       : 0;
    bool good = length > 0;
    for (std::size_t k = 1; good && k < length; ++k) good = follows(i + k);
    if (good && length > 2) {
      auto second = static_cast<unsigned char>(text[i + 1]);
      good = !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second >= 0xA0) &&
             !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second >= 0x90);
    }
    if (good) {
      out.append(text.substr(i, length));
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  return out;
}

std::string WriteString(std::string_view text) {
  std::string out = "\"";
  for (char c : ValidUtf8(text)) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  return out += '"';
}

std::string WriteJob(const Job& job) {
  ObjectWriter out;
  WriteWhat(out, job);
  out.Number("priority", job.priority);
  out.Time("run_at", job.run_at);
  out.Number("max_attempts", job.max_attempts);
  out.Number("timeout_minutes",
             job.timeout ? std::optional(static_cast<double>(job.timeout->count()) / 60'000.0)
                         : std::nullopt);
  out.Text("parent_job_id", job.parent_job_id);
  out.Text("initiated_by", job.initiated_by);
  out.Text("unique_key", job.unique_key);
  out.Text("status", Name(job.status));
  out.Number("attempt", job.attempt);
  out.Number("items_found", job.items_found);
  out.Number("changes_detected", job.changes_detected);
  out.Number("approved_changes", job.approved_changes);
  out.Number("new_entities_found", job.new_entities_found);
  out.Number("unreadable_events", job.unreadable_events);
  ObjectWriter progress;
  progress.Number("percent", job.progress.percent);
  progress.Text("stage", job.progress.stage);
  progress.Text("message", job.progress.message);
  progress.Time("updated_at", job.progress.updated_at);
  out.Raw("progress", std::move(progress).Take());
  out.Text("error_message", job.error_message);
  out.Text("error_class", job.error_class);
  out.Time("created_at", job.created_at);
  out.Time("started_at", job.started_at);
  out.Time("completed_at", job.completed_at);
  out.Time("updated_at", job.updated_at);
  out.Text("node", job.node);
  out.Time("lease_expires_at", job.lease_expires_at);
  out.Time("cancel_requested_at", job.cancel_requested_at);
  out.Time("next_run_at", job.status == State::kPending ? job.run_at : std::nullopt);
  return std::move(out).Take();
}

std::string WriteAttempt(const Attempt& attempt) {
  ObjectWriter out;
  out.Number("attempt", attempt.ref.attempt);
  out.Text("node", attempt.node);
  out.Number("pid", attempt.pid);
  out.Time("started_at", attempt.started_at);
  out.Time("ended_at", attempt.ended_at);
  out.Time("released_at", attempt.released_at);
  out.Text("outcome", attempt.outcome);
  out.Text("error_class", attempt.error_class);
  out.Text("error_message", attempt.error_message);
  out.Number("exit_code", attempt.exit_code);
  out.Number("signal", attempt.signal);
  out.Number("cpu_user_ms", attempt.cpu_user_ms);
  out.Number("cpu_system_ms", attempt.cpu_system_ms);
  out.Number("max_rss_kb", attempt.max_rss_kb);
  out.Number("survivors", attempt.survivors);
  out.Json("snapshot", attempt.snapshot);
  return std::move(out).Take();
}

std::string WriteLogLine(const LogLine& line) {
  ObjectWriter out;
  out.Number("id", line.id);
  out.Time("timestamp", line.timestamp);
  out.Number("attempt", line.attempt);
  out.Text("level", Name(line.level));
  out.Text("stage", line.stage);
  out.Text("message", std::string_view(line.message));
  out.Json("log_data", line.log_data);
  return std::move(out).Take();
}

std::string WriteChange(const Change& change) {
  ObjectWriter out;
  out.Number("id", change.id);
  out.Text("job_id", std::string_view(change.job_id));
  out.Number("attempt", change.attempt);
  out.Text("entity_type", std::string_view(change.entity_type));
  out.Text("entity_id", change.entity_id);
  out.Bool("is_new_entity", change.is_new_entity);
  out.Json("proposed_entity_data", change.proposed_entity_data);
  out.Text("field_name", change.field_name);
  out.Json("old_value", change.old_value);
  out.Json("new_value", change.new_value);
  out.Text("change_type", std::string_view(change.change_type));
  out.Text("status", std::string_view(change.status));
  out.Number("confidence", change.confidence);
  out.Text("source_url", change.source_url);
  out.Json("evidence", change.evidence);
  out.Time("created_at", change.created_at);
  return std::move(out).Take();
}

std::string WriteAttemptJob(const Job& job) {
  ObjectWriter out;
  WriteWhat(out, job);
  out.Number("attempt", job.attempt);
  out.Number("tries_used", job.tries_used);
  return std::move(out).Take();
}

Result<Job> ParseAttemptJob(std::string_view text) {
  auto value = ParseJson(text);
  if (!value) return std::unexpected(value.error());
  if (!value->is_object()) return Fail(ErrorCode::kMalformed, "The job must be a JSON object");
  std::vector<FieldError> errors;
  MemberReader reader(value->get_object(), "", errors, text);
  Job job;
  job.job_id = reader.Text("job_id", 64).value_or("");
  job.entity_type = reader.Text("entity_type", 64).value_or("");
  job.job_type = reader.Text("job_type", 64).value_or("");
  job.entity_id = reader.Text("entity_id", 4'096);
  job.search_query = reader.Text("search_query", 8'192);
  job.target_url = reader.Text("target_url", 4'096);
  job.search_filters = reader.Object("search_filters", 128 * 1024);
  job.attempt = reader.Integer("attempt", 0, 1'000'000'000).value_or(0);
  job.tries_used = reader.Integer("tries_used", 0, 1'000'000'000).value_or(0);
  if (!errors.empty())
    return Fail(ErrorCode::kMalformed,
                fmt::format("The job's {} {}", errors[0].field, errors[0].message));
  return job;
}

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "";
}

std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  // As the loggers of other languages call them.
  constexpr std::pair<std::string_view, LogLevel> kOthers[] = {
      {"TRACE", LogLevel::kDebug},    {"VERBOSE", LogLevel::kDebug}, {"SILLY", LogLevel::kDebug},
      {"NOTICE", LogLevel::kInfo},    {"SUCCESS", LogLevel::kInfo},  {"WARN", LogLevel::kWarning},
      {"CRITICAL", LogLevel::kError}, {"FATAL", LogLevel::kError},   {"SEVERE", LogLevel::kError},
      {"ERR", LogLevel::kError},      {"PANIC", LogLevel::kError}};
  for (const auto& [other, level] : kOthers) {
    if (other == upper) return level;
  }
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (Name(level) == upper) return level;
  }
  return std::nullopt;
}

}  // namespace forager
