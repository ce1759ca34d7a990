#include "cli/top_view.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/text.h"

namespace forager::cli {
namespace {

constexpr int kAbove = 6;  // lines above the list, and below it
constexpr int kBelow = 2;

// One line of the screen: what does not fit is cut.
class Line {
 public:
  Line(int width, const Style& style) : left_(width), style_(style) {}
  Line& Add(std::string_view text, Tone tone = Tone::kPlain) {
    std::string fitting = Cut(text, left_);
    left_ -= Width(fitting);
    text_ += style_.In(tone, fitting);
    return *this;
  }
  Line& Cell(std::string_view text, int width, Tone tone = Tone::kPlain) {
    return Add(Pad(text, width) + " ", tone);
  }
  Line& To(int left) {
    return Add(std::string(static_cast<std::size_t>(std::max(0, left_ - left)), ' '));
  }
  std::string Take() { return std::move(text_); }

 private:
  int left_;
  const Style& style_;
  std::string text_;
};

std::string Sparkline(const std::deque<std::int64_t>& values, std::size_t width, bool utf8) {
  static constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr const char* kPlain[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
  std::int64_t most = 1;
  for (std::int64_t value : values) most = std::max(most, value);
  std::string line;
  for (std::size_t i = values.size() - std::min(width, values.size()); i < values.size(); ++i) {
    auto step = static_cast<std::size_t>(
        values[i] <= 0 ? 0 : std::max<std::int64_t>(1, values[i] * 7 / most));
    line += (utf8 ? kBlocks : kPlain)[step];
  }
  return line;
}

std::string Counts(const TopModel& m, ScreenSize size, const Style& style) {
  Line line(size.columns, style);
  auto one = [&](const char* name, std::int64_t count, Tone tone) {
    line.Add(fmt::format("{} ", name), Tone::kDim)
        .Add(Grouped(count), count > 0 ? tone : Tone::kPlain)
        .Add("   ");
  };
  one("pending", m.pending, Tone::kWarn);
  one("running", m.running, Tone::kBusy);
  one("completed", m.completed, Tone::kGood);
  one("failed", m.failed, Tone::kBad);
  one("cancelled", m.cancelled, Tone::kPlain);
  return line.Take();
}

std::string Dispatch(const TopModel& m, ScreenSize size, const Style& style) {
  Line line(size.columns, style);
  line.Add("dispatch ", Tone::kDim);
  if (m.paused)
    line.Add("PAUSED", Tone::kBad);
  else
    line.Add(m.mode);
  line.Add(fmt::format("   {} of {} at once", m.running, m.max_running));
  if (!m.paused_types.empty()) line.Add("   paused: " + m.paused_types, Tone::kWarn);
  if (!m.stuck)
    line.Add("   stuck: unknown", Tone::kWarn);
  else if (*m.stuck > 0)
    line.Add(fmt::format("   {:.0f} STUCK", *m.stuck), Tone::kBad);
  return line.Take();
}

std::string Monitor(const TopModel& m, ScreenSize size, const Style& style, bool utf8,
                    WallTime now) {
  Line line(size.columns, style);
  line.Add("monitor ", Tone::kDim);
  if (!m.monitor_enabled)
    line.Add("OFF", Tone::kBad);
  else
    line.Add(m.monitor_last ? fmt::format("looked {} ago", ShortSpan(now - *m.monitor_last))
                            : "has not looked yet");
  if (m.monitor_next && *m.monitor_next > now)
    line.Add(", again in " + ShortSpan(*m.monitor_next - now));
  if (!m.monitor_error.empty()) line.Add("   " + m.monitor_error, Tone::kBad);
  std::int64_t minute = 0;
  for (std::int64_t count : m.finished) minute += count;
  line.Add("   ended ", Tone::kDim).Add(fmt::format("{}/min ", minute));
  line.Add(Sparkline(m.finished, 30, utf8), Tone::kBusy);
  return line.Take();
}

std::string Heading(const TopModel& m, ScreenSize size, const Style& style) {
  Line line(size.columns, style);
  for (TopList list : {TopList::kRunning, TopList::kPending, TopList::kFailed, TopList::kNewest}) {
    bool chosen = m.list == list;
    line.Add(fmt::format(fmt::runtime(chosen ? "[{} {}]" : " {} {} "), static_cast<int>(list) + 1,
                         Title(list)),
             chosen ? Tone::kBold : Tone::kDim);
    line.Add(" ");
  }
  if (m.in_list > static_cast<std::int64_t>(m.jobs.size()))
    line.Add(fmt::format(" the first {} of {}", m.jobs.size(), Grouped(m.in_list)), Tone::kDim);
  return line.Take();
}

// Time that passes, in the column that counts for this kind of job.
std::string Clock(const TopJob& job, WallTime now) {
  if (job.status == "running" && job.started_at) {
    std::string ran = ShortSpan(now - *job.started_at);
    return job.limit ? fmt::format("{}/{}", ran, ShortSpan(*job.limit)) : ran;
  }
  if (job.status == "pending" && job.run_at && *job.run_at > now)
    return "in " + ShortSpan(*job.run_at - now);
  auto since = job.completed_at ? job.completed_at : job.created_at;
  return since ? ShortSpan(now - *since) + " ago" : "";
}

std::string Row(const TopModel& m, std::size_t i, ScreenSize size, const Style& style, bool utf8,
                WallTime now) {
  const TopJob& job = m.jobs[i];
  Line line(size.columns, style);
  bool chosen = i == m.selected;
  line.Add(chosen ? "> " : "  ", Tone::kBold);
  line.Cell(job.job_id, 27, chosen ? Tone::kBold : Tone::kPlain);
  line.Cell(size.columns >= 100 ? job.entity_type + "/" + job.job_type : job.entity_type,
            size.columns >= 100 ? 22 : 10);
  if (m.list == TopList::kNewest) line.Cell(job.status, 9, ToneOfState(job.status));
  line.Cell(Clock(job, now), 10);
  if (job.status == "running") {
    line.Add(Bar(job.percent / 100, 8, utf8), Tone::kBusy);
    line.Add(job.percent < 0 ? "   -  " : fmt::format(" {:3.0f}% ", std::floor(job.percent)));
    line.Add(job.stage);
  } else {
    line.Add(job.about);
  }
  return line.Take();
}

const std::vector<std::string>& Help() {
  static const std::vector<std::string> kHelp = {
      "",
      "  1 2 3 4, Tab   running, pending, failed, newest",
      "  up, down, j, k choose a job",
      "  Enter          its progress, why it waits, its log",
      "  Esc            back",
      "  s              start the chosen job",
      "  c              cancel it (asks)",
      "  r              try it again",
      "  e              start the next pending job",
      "  p              pause or resume dispatch (asks)",
      "  q, Ctrl-C      quit; jobs go on"};
  return kHelp;
}

}  // namespace

std::string_view Title(TopList list) {
  switch (list) {
    case TopList::kRunning:
      return "running";
    case TopList::kPending:
      return "pending";
    case TopList::kFailed:
      return "failed";
    case TopList::kNewest:
      return "newest";
  }
  return "";
}

int TopRows(ScreenSize size) { return std::max(1, size.rows - kAbove - kBelow); }

std::vector<std::string> DrawTop(const TopModel& m, ScreenSize size, const Style& style, bool utf8,
                                 WallTime now) {
  std::vector<std::string> lines;
  Line title(size.columns, style);
  title.Add("forager top  ", Tone::kBold).Add(m.server);
  if (m.trouble.empty())
    title.Add("  " + m.version, Tone::kDim);
  else
    title.Add("  no answer, trying again: " + m.trouble, Tone::kBad);
  lines.push_back(title.Take());
  lines.push_back(Counts(m, size, style));
  lines.push_back(Dispatch(m, size, style));
  lines.push_back(Monitor(m, size, style, utf8, now));
  lines.emplace_back();
  int rows = TopRows(size);
  if (m.help || m.detail) {
    const auto& shown = m.help ? Help() : m.detail_lines;
    for (int i = 0; i <= rows && i < static_cast<int>(shown.size()); ++i)
      lines.push_back(Line(size.columns, style).Add(shown[static_cast<std::size_t>(i)]).Take());
  } else {
    lines.push_back(Heading(m, size, style));
    // The chosen job stays in sight.
    std::size_t fits = static_cast<std::size_t>(rows);
    std::size_t first = m.selected >= fits ? m.selected - fits + 1 : 0;
    for (std::size_t i = first; i < m.jobs.size() && i < first + fits; ++i)
      lines.push_back(Row(m, i, size, style, utf8, now));
    if (m.jobs.empty()) lines.push_back(Line(size.columns, style).Add("  none", Tone::kDim).Take());
  }
  while (static_cast<int>(lines.size()) < size.rows - 1) lines.emplace_back();
  lines.resize(static_cast<std::size_t>(std::max(1, size.rows - 1)));
  Line foot(size.columns, style);
  if (!m.message.empty())
    foot.Add(m.message, Tone::kWarn);
  else if (m.detail || m.help)
    foot.Add("Esc back   s start   c cancel   r retry   q quit", Tone::kDim);
  else
    foot.Add("q quit   Enter look   s start   c cancel   r retry   e next   p pause   ? help",
             Tone::kDim);
  lines.push_back(foot.Take());
  return lines;
}

}  // namespace forager::cli
