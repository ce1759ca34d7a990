#include "cli/log_view.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <ctime>

#include "cli/json_text.h"
#include "cli/rows.h"
#include "cli/text.h"

namespace forager::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t kPage = 500;

// The reader's own time of day; in full and UTC when asked for.
std::string Stamp(const json::value& line, bool full) {
  auto time = TimeAt(line, "timestamp");
  if (!time) return full ? OneLine(TextAt(line, "timestamp")) : "--:--:--";
  if (full) return FormatRfc3339(*time);
  std::time_t seconds = std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

Tone ToneOfLevel(std::string_view level) {
  if (level == "ERROR") return Tone::kBad;
  if (level == "WARNING") return Tone::kWarn;
  return level == "DEBUG" ? Tone::kDim : Tone::kPlain;
}

}  // namespace

std::string LogReader::Path(std::int64_t offset, std::int64_t limit) const {
  Query query;
  query.Add("limit", limit).Add("offset", offset);
  query.Add("level", options_.level).Add("stage", options_.stage);
  if (options_.attempt > 0) query.Add("attempt", options_.attempt);
  return query.On(JobPath(options_.job_id, "/logs"));
}

Result<void> LogReader::Pull(const std::function<void()>& before_first_line) {
  if (!begun_ && options_.tail >= 0) {
    auto head = client_.Get(Path(0, 1));
    if (!head) return std::unexpected(head.error());
    seen_ = std::max<std::int64_t>(0, WholeAt(*head, "total_logs", 0) - options_.tail);
  }
  begun_ = true;
  bool told = false;
  while (true) {
    // One line back: if it is no longer where it was, older lines were dropped meanwhile.
    bool overlap = seen_ > 0 && last_id_ >= 0;
    auto page = client_.Get(Path(seen_ - overlap, kPage));
    if (!page) return std::unexpected(page.error());
    const json::array* lines = At(*page, "logs").if_array();
    bool moved =
        overlap && (!lines || lines->empty() || WholeAt(lines->front(), "id", -2) != last_id_);
    if (moved) {
      seen_ = 0;
      page = client_.Get(Path(0, kPage));
      if (!page) return std::unexpected(page.error());
      lines = At(*page, "logs").if_array();
      overlap = false;
    }
    if (!lines || lines->size() <= (overlap ? 1u : 0u)) break;
    for (std::size_t i = overlap ? 1 : 0; i < lines->size(); ++i) {
      ++seen_;
      std::int64_t id = WholeAt((*lines)[i], "id", -1);
      if (id <= last_id_) continue;
      last_id_ = id;
      if (!std::exchange(told, true) && before_first_line) before_first_line();
      Print((*lines)[i]);
    }
    if (lines->size() < static_cast<std::size_t>(kPage)) break;
  }
  client_.out.Flush();
  return {};
}

void LogReader::Print(const json::value& line) {
  if (client_.json()) return client_.out.Line(CompactJson(line));
  if (client_.format == Format::kCsv) {
    std::string text;
    for (const char* name : {"id", "timestamp", "attempt", "level", "stage", "message"}) {
      std::string field = TextAt(line, name);
      text += (text.empty() ? "" : ",") + CsvText(client_.out_is_terminal ? OneLine(field) : field);
    }
    return client_.out.Line(text);
  }
  std::int64_t attempt = WholeAt(line, "attempt", 0);
  if (attempt != attempt_ && attempt > 0 && (attempt_ > 0 || attempt > 1))
    client_.out.Line(client_.style.In(Tone::kDim, fmt::format("-- attempt {}", attempt)));
  attempt_ = attempt;
  std::string level = OneLine(TextAt(line, "level")), stage = OneLine(TextAt(line, "stage"));
  std::string text = client_.style.In(Tone::kDim, Stamp(line, options_.timestamps)) + " " +
                     client_.style.In(ToneOfLevel(level), Pad(level, 7)) + " ";
  if (!stage.empty()) text += client_.style.In(Tone::kDim, "[" + stage + "] ");
  // Further lines of a message stand under its first, so none can pass for a line of its own.
  for (char c : Lines(TextAt(line, "message"))) text += c == '\n' ? "\n    " : std::string(1, c);
  if (!At(line, "log_data").is_null())
    text += " " + client_.style.In(Tone::kDim, CompactJson(At(line, "log_data")));
  client_.out.Line(text);
}

}  // namespace forager::cli
