#include "scheduler/ending.h"

#include <fmt/format.h>

#include <iterator>

#include "os/log.h"

namespace forager::scheduler {
namespace {

store::AttemptFinal MakeFinal(const Ending& ending, const Outcome& outcome) {
  store::AttemptFinal final;
  final.news = ending.news;
  final.news.ref = ending.ref;
  final.outcome = OutcomeName(outcome);
  if (const auto* failed = std::get_if<Failed>(&outcome)) {
    final.error_class = Name(failed->error_class);
    final.error_message = failed->message;
    LogLine line{0,
                 ending.at,
                 ending.ref.attempt,
                 LogLevel::kError,
                 "forager",
                 fmt::format("Attempt {} ended: {}", ending.ref.attempt, failed->message),
                 {}};
    final.news.logs.push_back(std::move(line));
  }
  if (const auto* exited = std::get_if<Exited>(&ending.end.process); exited && !ending.forced)
    final.exit_code = exited->code;
  if (const auto* signaled = std::get_if<Signaled>(&ending.end.process))
    final.signal = signaled->signal;
  final.usage = ending.end.usage;
  final.snapshot = ending.end.snapshot;
  final.released = ending.end.released;
  return final;
}

Result<bool> Apply(store::Store& store, const store::AttemptFinal& final, const Decision& decision,
                   WallTime run_at, WallTime now) {
  switch (decision.by) {
    case Transition::kComplete:
      return store.Complete(final, now);
    case Transition::kRetry:
      return store.Retry(final, run_at, decision.counts_try, decision.counts_crash, now);
    case Transition::kCancel:
      return store.Cancel(final, now);
    case Transition::kInterrupt:
      return store.Interrupt(final, run_at, decision.counts_interruption, now);
    default:
      return store.Fail(final, now);
  }
}

std::string InWords(Millis delay) {
  if (delay <= Millis{0}) return "at once";
  return fmt::format("in {:.1f} s", static_cast<double>(delay.count()) / 1'000.0);
}

template <typename T>
void MoveTo(std::vector<T>& into, std::vector<T>& from) {
  into.insert(into.end(), std::make_move_iterator(from.begin()),
              std::make_move_iterator(from.end()));
}

}  // namespace

Ending EndingWithoutProcess(const store::RunningJob& running, Failed why, const Policy& policy,
                            WallTime now) {
  Ending ending;
  ending.at = now;
  ending.ref = running.ref;
  ending.forced = std::move(why);
  ending.retry = policy.types->Get(running.entity_type).retry;
  ending.timeout = policy.TimeoutOf(running);
  ending.end.released = true;
  return ending;
}

void Append(store::AttemptNews& news, store::AttemptNews newer) {
  if (newer.progress) {
    if (!news.progress) news.progress.emplace();
    if (newer.progress->percent) news.progress->percent = newer.progress->percent;
    if (newer.progress->stage) news.progress->stage = newer.progress->stage;
    if (newer.progress->message) news.progress->message = newer.progress->message;
    news.progress->updated_at = newer.progress->updated_at;
  }
  MoveTo(news.logs, newer.logs);
  if (newer.keep_logs) news.keep_logs = newer.keep_logs;
  MoveTo(news.changes, newer.changes);
  MoveTo(news.child_jobs, newer.child_jobs);
  news.items_found += newer.items_found;
  news.new_entities_found += newer.new_entities_found;
  news.unreadable_events += newer.unreadable_events;
}

Result<std::vector<Written>> WriteEndings(store::Store& store, std::span<const Ending> endings) {
  std::vector<AttemptRef> refs;
  for (const Ending& ending : endings) refs.push_back(ending.ref);
  store.ExpectEnds(refs);
  std::vector<Written> all;
  for (const Ending& ending : endings) {
    auto written = WriteEnding(store, ending, 0.5);
    if (!written) return std::unexpected(written.error());
    all.push_back(std::move(*written));
  }
  return all;
}

Result<Written> WriteEnding(store::Store& store, const Ending& ending, double random) {
  if (ending.reset) {
    auto reset = store.Reset(ending.ref, ending.reset->message, ending.requeue, ending.at);
    if (!reset) return std::unexpected(reset.error());
  }
  auto job = store.FindToEnd(ending.ref);
  bool gone = !job && job.error().code == ErrorCode::kNotFound;
  if (!job && !gone) return std::unexpected(job.error());
  if (gone) return Written{{}, Judge(ending.end, false, ending.timeout), {}, false};
  if (ending.pid) {
    if (auto started = store.Started(ending.ref, *ending.pid); !started)
      return std::unexpected(started.error());
  }
  bool current = job->status == State::kRunning && job->attempt == ending.ref.attempt;
  bool cancelled = current && (job->cancel_requested_at.has_value() || ending.cancelled);
  Written written;
  written.outcome = ending.forced && !cancelled ? Outcome(*ending.forced)
                                                : Judge(ending.end, cancelled, ending.timeout);
  written.decision = Decide(*job, written.outcome, ending.retry, random);
  auto* failed = std::get_if<Failed>(&written.outcome);
  if (failed && written.decision.by == Transition::kFail && IsGivenBack(failed->error_class))
    failed->message += fmt::format(
        ". It was given back {} times before, so it is not started again", job->interruptions);
  written.run_at = ending.at + written.decision.delay;
  auto applied =
      Apply(store, MakeFinal(ending, written.outcome), written.decision, written.run_at, ending.at);
  if (!applied) return std::unexpected(applied.error());
  written.in_time = *applied;
  return written;
}

void LogEnding(const Ending& ending, const Written& written) {
  const std::string& id = ending.ref.job_id;
  const auto* failed = std::get_if<Failed>(&written.outcome);
  std::string reason = failed ? failed->message : "";
  switch (written.decision.by) {
    case Transition::kComplete:
      os::LogInfo(fmt::format("✅ Job {} completed successfully", id));
      break;
    case Transition::kCancel:
      os::LogInfo(fmt::format("🛑 Job {} cancelled", id));
      break;
    case Transition::kRetry:
      os::LogWarning(fmt::format("🔁 Job {} will be retried {}: {}", id,
                                 InWords(written.decision.delay), reason));
      break;
    case Transition::kInterrupt:
      os::LogWarning(fmt::format("🔁 Job {} goes back to pending: {}", id, reason));
      break;
    default:
      os::LogError(fmt::format("❌ Background job {} failed: {}", id, reason));
      os::LogError(fmt::format("🔧 Marked job {} as failed in database", id));
  }
  os::LogInfo("🏁 Background thread finished processing 1 job(s)");
}

}  // namespace forager::scheduler
