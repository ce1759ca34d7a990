// The life of an attempt: its news, its end, its release; and reset. All guarded by job, attempt
// and state.
#include <fmt/format.h>

#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::size_t kAtOnce = 1'000;  // attempts named in one statement

}  // namespace

Result<bool> SqlStore::End(const AttemptFinal& final, WallTime now,
                           std::optional<HistoryEvent> event,
                           const std::function<void(std::optional<WallTime>)>& move) {
  return Guard([&]() -> Result<bool> {
    const AttemptRef& ref = final.news.ref;
    bool in_time = false;
    std::optional<WallTime> started_at;
    std::string entity_type;
    {
      Rows guard = db_.Query("guard_attempt", {ref.job_id, ref.attempt});
      if (guard.Next()) {
        started_at = guard.MaybeTime(0);
        in_time = event == HistoryEvent::kCancelled || guard.Int(1) == 0;
        entity_type = guard.Text(2);
      }
    }
    if (in_time) {
      auto children = NewChildren(final.news);
      if (!children) return std::unexpected(children.error());
      StoreNews(final.news, *children, now);
    }
    auto usage = [&](auto member) -> std::optional<std::int64_t> {
      if (!final.usage) return std::nullopt;
      return (*final.usage).*member;
    };
    db_.Send("end_attempt",
             {ref.job_id, ref.attempt, now, final.outcome, final.error_class, final.error_message,
              final.exit_code, final.signal, usage(&Usage::cpu_user_ms),
              usage(&Usage::cpu_system_ms), usage(&Usage::max_rss_kb), usage(&Usage::survivors),
              final.snapshot, final.released ? Param(now) : Param(std::nullopt)});
    if (in_time) {
      move(started_at);
      Touched(ref.job_id);
      if (event) Count(*event, entity_type, now);
      if (event == HistoryEvent::kCompleted && started_at)
        committed_.history.At(entity_type, now).run_times.Add(now - *started_at);
    }
    if (final.released) committed_.pending_added = true;  // its slot is free
    return in_time;
  });
}

Result<bool> SqlStore::Complete(const AttemptFinal& final, WallTime now) {
  const AttemptRef& ref = final.news.ref;
  return End(final, now, HistoryEvent::kCompleted, [&](std::optional<WallTime> started_at) {
    std::optional<std::int64_t> duration;
    if (started_at) duration = std::max<std::int64_t>(0, (now - *started_at).count());
    db_.Send("complete_job", {ref.job_id, ref.attempt, now, duration});
  });
}

Result<bool> SqlStore::Fail(const AttemptFinal& final, WallTime now) {
  const AttemptRef& ref = final.news.ref;
  return End(final, now, HistoryEvent::kFailed, [&](std::optional<WallTime>) {
    db_.Send("fail_job", {ref.job_id, ref.attempt, now, final.error_class, final.error_message});
  });
}

Result<bool> SqlStore::Retry(const AttemptFinal& final, WallTime run_at, bool counts_try,
                             bool counts_crash, WallTime now) {
  const AttemptRef& ref = final.news.ref;
  return End(final, now, HistoryEvent::kRetried, [&](std::optional<WallTime>) {
    db_.Send("retry_job", {ref.job_id, ref.attempt, now, final.error_class, final.error_message,
                           run_at, UnixMillis(run_at), run_at > now, counts_try, counts_crash});
    committed_.pending_added = true;
  });
}

Result<bool> SqlStore::Cancel(const AttemptFinal& final, WallTime now) {
  const AttemptRef& ref = final.news.ref;
  return End(final, now, HistoryEvent::kCancelled, [&](std::optional<WallTime>) {
    db_.Send("cancel_job", {ref.job_id, ref.attempt, now, final.error_class, final.error_message});
  });
}

Result<bool> SqlStore::Interrupt(const AttemptFinal& final, WallTime run_at, bool counts,
                                 WallTime now) {
  const AttemptRef& ref = final.news.ref;
  return End(final, now, std::nullopt, [&](std::optional<WallTime>) {
    db_.Send("interrupt_job", {ref.job_id, ref.attempt, now, final.error_class, final.error_message,
                               run_at, UnixMillis(run_at), run_at > now, counts});
    committed_.pending_added = true;
  });
}

Result<bool> SqlStore::Reset(const AttemptRef& ref, const std::string& message, bool requeue,
                             WallTime now) {
  ResetOrder order{ref, message};
  auto reset = ResetAll({&order, 1}, requeue, now);
  if (!reset) return std::unexpected(reset.error());
  return !reset->empty();
}

Result<std::vector<AttemptRef>> SqlStore::ResetAll(std::span<const ResetOrder> orders, bool requeue,
                                                   WallTime now) {
  return Guard([&]() -> Result<std::vector<AttemptRef>> {
    std::vector<AttemptRef> reset;
    for (std::size_t begin = 0; begin < orders.size(); begin += kAtOnce)
      ResetSome(orders.subspan(begin, std::min(kAtOnce, orders.size() - begin)), requeue, now,
                reset);
    return reset;
  });
}

void SqlStore::ResetSome(std::span<const ResetOrder> orders, bool requeue, WallTime now,
                         std::vector<AttemptRef>& reset) {
  std::map<AttemptRef, std::string_view> messages;
  for (const ResetOrder& order : orders) messages[order.ref] = order.message;
  std::vector<ResetOrder> done;
  auto take = [&](Rows rows) {
    while (rows.Next()) {
      AttemptRef ref{rows.Text(0), static_cast<int>(rows.Int(1))};
      std::string entity_type = rows.Text(2);
      Count(HistoryEvent::kReset, entity_type, now);
      if (!requeue) Count(HistoryEvent::kFailed, entity_type, now);
      Touched(ref.job_id);
      done.push_back({ref, std::string(messages[ref])});
      reset.push_back(std::move(ref));
    }
  };
  std::string refs = WriteRefs(orders);
  if (requeue) {
    take(db_.Query("reset_and_requeue_jobs", {refs, now, UnixMillis(now)}));
  } else {
    take(db_.Query("reset_jobs", {refs, now}));
  }
  if (done.empty()) return;
  std::string ended = WriteRefs(done);
  db_.Send("reset_attempts", {ended, now});
  committed_.orders_added = true;
  committed_.pending_added = true;
}

Result<void> SqlStore::Started(const AttemptRef& ref, int pid) {
  return Guard([&]() -> Result<void> {
    db_.Send("attempt_started", {ref.job_id, ref.attempt, pid});
    return {};
  });
}

Result<bool> SqlStore::Record(const AttemptNews& news, WallTime now) {
  return Guard([&]() -> Result<bool> {
    {
      Rows guard = db_.Query("guard_attempt", {news.ref.job_id, news.ref.attempt});
      if (!guard.Next()) return false;
    }
    auto children = NewChildren(news);
    if (!children) return std::unexpected(children.error());
    StoreNews(news, *children, now);
    Touched(news.ref.job_id);
    return true;
  });
}

void SqlStore::StoreNews(const AttemptNews& news, std::span<const Child> children, WallTime now) {
  const AttemptRef& ref = news.ref;
  Progress progress = news.progress.value_or(Progress{});
  if (news.progress && !progress.updated_at) progress.updated_at = now;
  auto changes = static_cast<std::int64_t>(news.changes.size());
  if (changes != 0 || news.items_found != 0 || news.new_entities_found != 0 ||
      news.unreadable_events != 0) {
    db_.Send("record_news", {ref.job_id, ref.attempt, now, progress.percent, progress.stage,
                             progress.message, progress.updated_at, news.items_found,
                             news.new_entities_found, changes, news.unreadable_events});
  } else if (news.progress) {
    db_.Send("record_progress", {ref.job_id, ref.attempt, now, progress.percent, progress.stage,
                                 progress.message, progress.updated_at});
  }
  StoreLogs(ref, news.logs);
  std::vector<Database::Row> rows;
  for (const Change& change : news.changes) {
    rows.push_back({ref.job_id, ref.attempt, change.entity_type, change.entity_id,
                    change.is_new_entity, change.proposed_entity_data, change.field_name,
                    change.old_value, change.new_value, change.change_type, change.status,
                    change.confidence, change.source_url, change.evidence, now});
  }
  if (!rows.empty()) db_.InsertMany("insert_change", rows);
  StoreChildren(ref, children, now);
  if (news.keep_logs)
    db_.Send("trim_logs", {ref.job_id, ref.attempt, news.keep_logs->first, news.keep_logs->last});
}

void SqlStore::StoreLogs(const AttemptRef& ref, std::span<const LogLine> lines) {
  std::vector<Database::Row> rows;
  for (const LogLine& line : lines) {
    rows.push_back({ref.job_id, ref.attempt, line.timestamp, Name(line.level), line.stage,
                    line.message, line.log_data});
  }
  if (!rows.empty()) db_.InsertMany("insert_log", rows);
}

Result<bool> SqlStore::Release(const AttemptRef& ref, const std::optional<Usage>& usage,
                               WallTime now) {
  return Guard([&]() -> Result<bool> {
    Usage known = usage.value_or(Usage{});
    auto value = [&](std::int64_t of) { return usage ? Param(of) : Param(std::nullopt); };
    if (db_.Execute("release_attempt", {ref.job_id, ref.attempt, now, value(known.cpu_user_ms),
                                        value(known.cpu_system_ms), value(known.max_rss_kb),
                                        value(known.survivors)}) == 0) {
      return false;
    }
    Touched(ref.job_id);
    committed_.pending_added = true;  // its slot is free
    return true;
  });
}

Result<int> SqlStore::ReleaseAll(std::span<const AttemptRef> refs, WallTime now) {
  return Guard([&]() -> Result<int> {
    int released = 0;
    for (std::size_t begin = 0; begin < refs.size(); begin += kAtOnce) {
      std::string part = WriteRefs(refs.subspan(begin, std::min(kAtOnce, refs.size() - begin)));
      Rows rows = db_.Query("release_attempts", {part, now});
      while (rows.Next()) {
        Touched(rows.Text(0));
        ++released;
      }
    }
    committed_.pending_added |= released > 0;  // their slots are free
    return released;
  });
}

}  // namespace forager::store
