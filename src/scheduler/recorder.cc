#include "scheduler/recorder.h"

#include <fmt/format.h>

#include <random>

#include "os/log.h"
#include "scheduler/ending.h"

namespace forager::scheduler {
namespace {

constexpr Millis kFlushInterval{100};
constexpr Millis kWriteRetry{1'000};
constexpr Millis kTellDropped{10'000};           // while it goes on
constexpr std::size_t kMaxNewsBytes = 64 << 20;  // records and child jobs of one attempt, waiting
constexpr std::size_t kMaxChildJobs = 10'000;

Change ToChange(const Job& job, RecordEvent& record) {
  Change change;
  change.entity_type = record.entity_type.value_or(job.entity_type);
  change.entity_id = job.entity_id;
  change.is_new_entity = !job.entity_id;
  change.change_type = job.entity_id ? "modified" : "added";
  change.proposed_entity_data = std::move(record.entity);
  change.confidence = record.confidence;
  change.source_url = record.source_url ? record.source_url : job.target_url;
  change.evidence = std::move(record.evidence);
  return change;
}

template <typename T>
void Merge(std::optional<T>& into, const std::optional<T>& from) {
  if (from) into = from;
}

double Random() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace

Recorder::Recorder(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
                   RecorderHooks hooks)
    : loop_(loop), clock_(clock), calls_(calls), hooks_(std::move(hooks)) {}

void Recorder::Track(const Job& job, const TypeSettings& type, Millis timeout) {
  Live& live = attempts_[AttemptRef{job.job_id, job.attempt}];
  live.job = job;
  live.retry = type.retry;
  live.timeout = timeout;
  live.news.ref = {job.job_id, job.attempt};
  if (hooks_.claimed) hooks_.claimed(job);
}

void Recorder::EndUnstarted(const Job& job, const TypeSettings& type, const Failed& why) {
  Track(job, type, type.timeout);
  auto ending = std::make_shared<Ending>();
  ending->ref = {job.job_id, job.attempt};
  ending->forced = why;
  ending->end.released = true;
  End(std::move(ending));
}

void Recorder::OnStarted(const AttemptRef& ref, int pid) {
  auto found = attempts_.find(ref);
  if (found == attempts_.end()) return;
  found->second.pid = pid;
  if (hooks_.started) hooks_.started(found->second.job);
  MarkDirty(found->second);
}

void Recorder::OnEvents(const AttemptRef& ref, std::vector<Event> events) {
  auto found = attempts_.find(ref);
  if (found == attempts_.end()) {
    figures_.late_words += events.size();
    return;
  }
  for (Event& event : events) Take(found->second, event);
  if (found->second.news_bytes > kMaxNewsBytes) hooks_.overflow(ref);
}

void Recorder::OnLost(const AttemptRef& ref, const Lost& lost) {
  auto found = attempts_.find(ref);
  if (found == attempts_.end()) return;
  found->second.news.unreadable_events += lost.unreadable_events;
  found->second.logs.Drop(lost.lines, lost.bytes);
  MarkDirty(found->second);
}

void Recorder::Take(Live& live, Event& event) {
  if (std::holds_alternative<HeartbeatEvent>(event) || std::holds_alternative<ResultEvent>(event))
    return;
  MarkDirty(live);
  WallTime now = clock_.Now();
  if (auto* progress = std::get_if<ProgressEvent>(&event)) {
    if (!progress->percent && !progress->stage && !progress->message) return;
    Progress& merged = live.news.progress ? *live.news.progress : live.news.progress.emplace();
    Merge(merged.percent, progress->percent);
    Merge(merged.stage, progress->stage);
    Merge(merged.message, progress->message);
    merged.updated_at = now;
  } else if (auto* log = std::get_if<LogEvent>(&event)) {
    LogLine line{0,
                 now,
                 live.news.ref.attempt,
                 log->level,
                 std::move(log->stage),
                 std::move(log->message),
                 std::move(log->data)};
    Log(live, std::move(line));
  } else if (auto* record = std::get_if<RecordEvent>(&event)) {
    live.news_bytes += record->entity.size() + record->evidence.value_or("").size() + 256;
    live.news.items_found += 1;
    live.news.changes.push_back(ToChange(live.job, *record));
    live.news.new_entities_found += live.news.changes.back().is_new_entity ? 1 : 0;
  } else if (auto* child = std::get_if<ChildJobEvent>(&event)) {
    if (live.news.child_jobs.size() >= kMaxChildJobs) return hooks_.overflow(live.news.ref);
    if (!child->job.priority) child->job.priority = hooks_.priority_of(child->job.entity_type);
    live.news_bytes += 1'024;
    live.news.child_jobs.push_back(std::move(child->job));
  }
}

void Recorder::Log(Live& live, LogLine line) {
  live.logs.Add(line.message.size() + line.log_data.value_or("").size());
  live.news.logs.push_back(std::move(line));
}

void Recorder::Trim(Live& live, bool last) {
  WallTime now = clock_.Now();
  const LogBudget::Dropped& dropped = live.logs.dropped();
  if (dropped.lines > live.dropped_then && (last || now - live.dropped_told >= kTellDropped)) {
    live.dropped_told = now;
    live.logs.AddNotice();  // may take the place of one more line
    live.dropped_then = dropped.lines;
    live.news.logs.push_back({0,
                              now,
                              live.news.ref.attempt,
                              LogLevel::kWarning,
                              "output",
                              fmt::format("dropped {} lines ({} bytes) of output{}", dropped.lines,
                                          dropped.bytes, last ? "" : " so far"),
                              {}});
  }
  // Also when the store did not do it the last time.
  bool now_or_never = (last && dropped.lines > 0) || live.news.keep_logs;
  live.news.keep_logs = live.logs.Trim(live.news.logs, now_or_never);
}

void Recorder::MarkDirty(Live& live) {
  live.dirty = true;
  if (!flush_timer_) flush_timer_ = loop_.After(kFlushInterval, [this] { Flush(); });
}

void Recorder::Flush() {
  flush_timer_.reset();
  for (auto& [ref, live] : attempts_) {
    if (live.dirty && !live.writing) FlushOne(live);
  }
}

void Recorder::FlushOne(Live& live) {
  Trim(live, false);
  live.dirty = false;
  live.writing = true;
  auto news = std::make_shared<store::AttemptNews>(std::exchange(live.news, {}));
  live.news.ref = news->ref;
  live.news_bytes = 0;
  std::optional<int> pid = live.pid_stored ? std::nullopt : live.pid;
  WallTime now = clock_.Now();
  calls_.Write<bool>(
      [news, pid, now](store::Store& store) -> Result<bool> {
        if (pid) {
          if (auto started = store.Started(news->ref, *pid); !started)
            return std::unexpected(started.error());
        }
        return store.Record(*news, now);
      },
      [this, news, pid](Result<bool> recorded) {
        auto found = attempts_.find(news->ref);
        if (found == attempts_.end()) return;
        Live& current = found->second;
        current.writing = false;
        if (!recorded) {
          // Written again with what has come since, in the old order.
          store::AttemptNews newer = std::exchange(current.news, std::move(*news));
          Append(current.news, std::move(newer));
          current.news_bytes += current.news.changes.size() * 1'024;
          if (current.ending) return Finish(current, std::move(current.ending));
          MarkDirty(current);
          return;
        }
        if (pid) current.pid_stored = true;
        if (!*recorded) {
          ++figures_.late_words;
        } else if (!news->logs.empty()) {
          hooks_.logged(news->ref, news->logs);
        }
        if (current.ending) return Finish(current, std::move(current.ending));
        if (current.dirty) MarkDirty(current);
      });
}

void Recorder::OnEnded(const AttemptRef& ref, const AttemptEnd& end) {
  auto ending = std::make_shared<Ending>();
  ending->ref = ref;
  ending->end = end;
  End(std::move(ending));
}

void Recorder::End(std::shared_ptr<Ending> ending) {
  ending->at = clock_.Now();
  auto found = attempts_.find(ending->ref);
  if (found == attempts_.end()) {
    unwritten_[ending->ref] = ending;
    return Write(std::move(ending));
  }
  Live& live = found->second;
  if (live.writing) {
    live.ending = std::move(ending);
  } else {
    Finish(live, std::move(ending));
  }
}

void Recorder::Finish(Live& live, std::shared_ptr<Ending> ending) {
  ending->retry = live.retry;
  ending->timeout = live.timeout;
  ending->entity_type = live.job.entity_type;
  ending->started_at = live.job.started_at;
  if (!live.pid_stored) ending->pid = live.pid;
  Trim(live, true);
  ending->news = std::move(live.news);
  attempts_.erase(ending->ref);
  unwritten_[ending->ref] = ending;
  Write(std::move(ending));
}

void Recorder::Write(std::shared_ptr<Ending> ending) {
  double random = Random();
  calls_.WriteEnd<Written>(
      ending->ref,
      [ending, random](store::Store& store) { return WriteEnding(store, *ending, random); },
      [this, ending](Result<Written> written) {
        if (written) return Wrote(*ending, *written);
        if (failed_writes_++ == 0)
          os::LogError("An outcome waits for the store: " + written.error().detail);
        retry_timers_[ending->ref] = loop_.After(kWriteRetry, [this, ending] {
          --failed_writes_;
          retry_timers_.erase(ending->ref);
          Write(ending);
        });
      });
  if (ending->end.released) hooks_.slot_freed();
}

void Recorder::Wrote(const Ending& ending, const Written& written) {
  if (hooks_.ended) hooks_.ended(ending, written);
  if (written.in_time) {
    LogEnding(ending, written);
    if (!ending.news.logs.empty()) hooks_.logged(ending.ref, ending.news.logs);
    if (written.decision.by == Transition::kRetry || written.decision.by == Transition::kInterrupt)
      hooks_.retry_at(written.run_at);
  } else {
    ++figures_.late_words;
  }
  if (ending.released_later) WriteRelease(ending.ref, *ending.released_later);
  unwritten_.erase(ending.ref);
}

void Recorder::OnReleased(const AttemptRef& ref, const Usage& usage) {
  // The row's last word first: a release may not overtake it.
  if (auto found = attempts_.find(ref); found != attempts_.end() && found->second.ending) {
    found->second.ending->released_later = usage;
    return;
  }
  if (auto found = unwritten_.find(ref); found != unwritten_.end()) {
    found->second->released_later = usage;
    return;
  }
  WriteRelease(ref, usage);
}

void Recorder::WriteRelease(const AttemptRef& ref, const Usage& usage) {
  WallTime now = clock_.Now();
  calls_.Write<bool>(
      [ref, usage, now](store::Store& store) { return store.Release(ref, usage, now); },
      [this, ref, usage](Result<bool> released) {
        if (released) return;
        retry_timers_[ref] = loop_.After(kWriteRetry, [this, ref, usage] {
          retry_timers_.erase(ref);
          WriteRelease(ref, usage);
        });
      });
  hooks_.slot_freed();
}

void Recorder::OnQuarantined(const AttemptRef& ref) {
  os::LogError(fmt::format(
      "⚠️ Job {} attempt {}: its processes cannot be killed (uninterruptible sleep); "
      "the slot stays held until "
      "they end",
      ref.job_id, ref.attempt));
}

void Recorder::OnKeeperRestarted(const std::string& why) {
  os::LogError("⚠️ The keeper was started again: " + why);
}

}  // namespace forager::scheduler
