#include "scheduler/recorder.h"

#include <fmt/format.h>

#include <random>

#include "os/log.h"
#include "scheduler/ending.h"
#include "scheduler/waiting_news.h"

namespace forager::scheduler {
namespace {

constexpr Millis kFlushInterval{100};
constexpr Millis kWriteRetry{1'000};
constexpr Millis kTellDropped{10'000};            // while it goes on
constexpr std::size_t kMaxWaitingLogs = 4 << 20;  // before what is dropped anyway is taken out
constexpr std::size_t kMaxNewsBytes = 64 << 20;   // of one attempt, waiting
constexpr std::size_t kMaxHeldBytes = 256 << 20;  // of all attempts
constexpr int kRefusedTries = 5;  // of what the database refuses for another reason than its health

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
  live.max_children = type.max_children;
  live.claimed = clock_.SteadyNow();
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

bool Recorder::CancelAtEnd(const AttemptRef& ref) {
  auto found = attempts_.find(ref);
  if (found == attempts_.end() || found->second.ending) return false;
  return found->second.cancelled = true;
}

bool Recorder::ResetAtEnd(const store::ResetOrder& order, bool requeue) {
  auto found = attempts_.find(order.ref);
  if (found == attempts_.end() || found->second.ending) return false;
  found->second.reset = order;
  found->second.requeue = requeue;
  return true;
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
  Live& live = found->second;
  for (Event& event : events) Take(live, event);
  if (live.waiting_logs > kMaxWaitingLogs) Trim(live, false);
  if (live.held > kMaxNewsBytes || held_ > kMaxHeldBytes) hooks_.overflow(ref);
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
    live.news.items_found += 1;
    live.news.changes.push_back(ToChange(live.job, *record));
    const Change& change = live.news.changes.back();
    live.news.new_entities_found += change.is_new_entity ? 1 : 0;
    live.held += SizeOf(change);
    held_ += SizeOf(change);
  } else if (auto* child = std::get_if<ChildJobEvent>(&event)) {
    TakeChild(live, std::move(child->job));
  }
}

void Recorder::Log(Live& live, LogLine line) {
  live.logs.Add(line.message.size() + line.log_data.value_or("").size());
  live.waiting_logs += SizeOf(line);
  live.held += SizeOf(line);
  held_ += SizeOf(line);
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
  std::size_t waiting = 0;
  for (const LogLine& line : live.news.logs) waiting += SizeOf(line);
  live.held += waiting - live.waiting_logs;
  held_ += waiting - live.waiting_logs;
  live.waiting_logs = waiting;
}

void Recorder::TakeChild(Live& live, NewJob child) {
  if (live.refusal) return;
  if (++live.children > live.max_children) {
    Failed why{ErrorClass::kPermanent,
               fmt::format("The attempt submitted more than {} child jobs (max_children)",
                           live.max_children),
               {}};
    return Refuse(live, std::move(why), {std::move(child)});
  }
  if (!child.priority) child.priority = hooks_.priority_of(child.entity_type);
  live.held += SizeOf(child);
  held_ += SizeOf(child);
  live.news.child_jobs.push_back(std::move(child));
}

// Its end is decided; `children` are not submitted, nor what follows them.
void Recorder::Refuse(Live& live, Failed why, const std::vector<NewJob>& children) {
  for (LogLine& line : RefusedChildren(live.news.ref, children, why.message, clock_.Now()))
    Log(live, std::move(line));
  live.refusal = std::move(why);
  MarkDirty(live);
  if (hooks_.refused) hooks_.refused(live.news.ref);
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
  if (hooks_.max_pending) live.news.max_pending = hooks_.max_pending();
  live.dirty = false;
  live.writing = true;
  auto news = std::make_shared<store::AttemptNews>(std::exchange(live.news, {}));
  live.news.ref = news->ref;
  std::size_t logs = std::exchange(live.waiting_logs, 0);
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
      [this, news, pid, logs, bytes = live.held](Result<bool> recorded) {
        auto found = attempts_.find(news->ref);
        if (found == attempts_.end()) return;
        Live& current = found->second;
        current.writing = false;
        if (!recorded) {
          current.waiting_logs += logs;
          NotStored(current, std::move(*news), recorded.error());
          if (current.ending) return Finish(current, std::move(current.ending));
          return MarkDirty(current);
        }
        current.held -= bytes;
        held_ -= bytes;
        current.refusals = 0;
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

// Written again with what has come since, in the old order; without what will be refused again.
void Recorder::NotStored(Live& live, store::AttemptNews news, const Error& error) {
  store::AttemptNews newer = std::exchange(live.news, std::move(news));
  Append(live.news, std::move(newer));
  if (error.code == ErrorCode::kConflict) {
    std::vector<NewJob> children = std::exchange(live.news.child_jobs, {});
    for (const NewJob& child : children) {
      live.held -= SizeOf(child);
      held_ -= SizeOf(child);
    }
    return Refuse(live, {ErrorClass::kPermanent, error.detail, {}}, children);
  }
  if (error.code == ErrorCode::kUnavailable || ++live.refusals < kRefusedTries) return;
  ++figures_.refused;
  os::LogError(
      fmt::format("The database refuses what attempt {} of job {} said: {} log lines, {} "
                  "items and {} child jobs are lost",
                  live.news.ref.attempt, live.news.ref.job_id, live.news.logs.size(),
                  live.news.changes.size(), live.news.child_jobs.size()));
  ForgetNews(live.news);
  held_ -= std::exchange(live.held, 0);
  live.waiting_logs = 0;
  live.refusals = 0;
  Refuse(live, {ErrorClass::kPermanent, "The database refused what the attempt said", {}}, {});
}

void Recorder::OnEnded(const AttemptRef& ref, const AttemptEnd& end) {
  auto ending = std::make_shared<Ending>();
  ending->ref = ref;
  ending->end = end;
  End(std::move(ending));
}

void Recorder::End(std::shared_ptr<Ending> ending) {
  ending->at = clock_.Now();
  ending->ended = clock_.SteadyNow();
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
  ending->cancelled = live.cancelled;
  ending->reset = std::move(live.reset);
  ending->requeue = live.requeue;
  ending->ran = std::chrono::duration_cast<Millis>(ending->ended - live.claimed);
  if (!live.pid_stored) ending->pid = live.pid;
  Trim(live, true);
  ending->news = std::move(live.news);
  ending->held = live.held;
  if (hooks_.max_pending) ending->news.max_pending = hooks_.max_pending();
  if (live.refusal && !ending->forced) ending->forced = std::move(live.refusal);
  attempts_.erase(ending->ref);
  unwritten_[ending->ref] = ending;
  Write(std::move(ending));
}

void Recorder::Write(std::shared_ptr<Ending> ending) {
  double random = Random();
  std::function<Result<Written>(store::Store&)> work = [this, ending, random](store::Store& store) {
    // It may have waited long, and the wall clock may have been set since.
    ending->at =
        clock_.Now() - std::chrono::duration_cast<Millis>(clock_.SteadyNow() - ending->ended);
    return WriteEnding(store, *ending, random);
  };
  std::function<void(Result<Written>)> then = [this, ending](Result<Written> written) {
    written ? Wrote(*ending, *written) : EndNotStored(ending, written.error());
  };
  // A reset comes first, and changes what the end reads.
  ending->reset ? calls_.Write(std::move(work), std::move(then))
                : calls_.WriteEnd(ending->ref, std::move(work), std::move(then));
  if (ending->end.released) hooks_.slot_freed();
}

void Recorder::EndNotStored(const std::shared_ptr<Ending>& ending, const Error& error) {
  store::AttemptNews& news = ending->news;
  if (error.code == ErrorCode::kConflict && !news.child_jobs.empty()) {
    for (LogLine& line : RefusedChildren(ending->ref, news.child_jobs, error.detail, ending->at))
      news.logs.push_back(std::move(line));
    news.child_jobs.clear();
    ending->forced = Failed{ErrorClass::kPermanent, error.detail, {}};
    return Write(ending);
  }
  bool passes = error.code == ErrorCode::kUnavailable;
  if (!passes && ++ending->refusals == kRefusedTries) {
    // Without what it said: that may be what is refused.
    ++figures_.refused;
    os::LogError(
        fmt::format("The database refuses the end of attempt {} of job {}: it ends without "
                    "what it said last ({} log lines, {} items, {} child jobs)",
                    ending->ref.attempt, ending->ref.job_id, news.logs.size(), news.changes.size(),
                    news.child_jobs.size()));
    ForgetNews(news);
    ending->end.snapshot.reset();
    ending->forced = Failed{
        ErrorClass::kPermanent, "The database refused the attempt's last words: they are lost", {}};
    return Write(ending);
  }
  if (!passes && ending->refusals >= 2 * kRefusedTries) {
    os::LogError(
        fmt::format("The database refuses every end of attempt {} of job {}: its row is "
                    "left to the monitor",
                    ending->ref.attempt, ending->ref.job_id));
    held_ -= ending->held;
    unwritten_.erase(ending->ref);
    return;
  }
  if (failed_writes_++ == 0) os::LogError("An outcome waits for the store: " + error.detail);
  retry_timers_[ending->ref] = loop_.After(kWriteRetry, [this, ending] {
    --failed_writes_;
    retry_timers_.erase(ending->ref);
    Write(ending);
  });
}

void Recorder::Wrote(const Ending& ending, const Written& written) {
  if (hooks_.ended) hooks_.ended(ending, written);
  if (written.in_time) {
    LogEnding(ending, written);
    if (!ending.news.logs.empty()) hooks_.logged(ending.ref, ending.news.logs);
    if (written.decision.by == Transition::kRetry || written.decision.by == Transition::kInterrupt)
      hooks_.retry_at(written.run_at);
  } else if (!ending.reset) {
    ++figures_.late_words;
  } else if (!ending.requeue) {
    os::LogError(
        fmt::format("❌ Background job {} failed: {}", ending.ref.job_id, ending.reset->message));
    os::LogError(fmt::format("🔧 Marked job {} as failed in database", ending.ref.job_id));
  }
  if (ending.released_later) WriteRelease(ending.ref, *ending.released_later);
  held_ -= ending.held;
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
