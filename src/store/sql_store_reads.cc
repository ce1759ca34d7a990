// Reads of single jobs and what belongs to them, figures, and what supervision asks.
#include <algorithm>
#include <charconv>

#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::int64_t kTotalCountedTo = 10'000;
constexpr std::size_t kRefsAtOnce = 1'000;  // named in one statement

// One statement for each thousand, all of them asked at once.
template <typename Take>
void ForEachPart(Database& db, std::string_view statement, std::span<const AttemptRef> refs,
                 Take take) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < refs.size(); begin += kRefsAtOnce)
    parts.push_back(WriteRefs(refs.subspan(begin, std::min(kRefsAtOnce, refs.size() - begin))));
  for (const std::string& part : parts) db.Expect(statement, {part});
  for (std::size_t at = 0; at < parts.size(); ++at) {
    Rows rows = db.Query(statement, {parts[at]});
    while (rows.Next())
      take(refs[at * kRefsAtOnce + static_cast<std::size_t>(rows.Int(0))], rows);
  }
}

// Of what waits since then, also by another reading of the clock.
Millis AgeOf(WallTime created, WallTime now, const std::optional<Store::ClockJump>& jump) {
  Millis age = now - created;
  bool before = jump && (jump->by > Millis{0} ? created <= jump->at - jump->by : created > now);
  return std::max(Millis{0}, before ? age - jump->by : age);
}

}  // namespace

Result<Job> SqlStore::Find(const std::string& job_id) {
  return Guard([&] { return MustFind(job_id); });
}

void SqlStore::ExpectEnd(const AttemptRef& ref) {
  db_.Expect("find_job_to_change", {ref.job_id});
  db_.Expect("guard_attempt", {ref.job_id, ref.attempt});
}

void SqlStore::ExpectEnds(std::span<const AttemptRef> refs) {
  for (const AttemptRef& ref : refs) ExpectEnd(ref);
}

Result<Job> SqlStore::FindToEnd(const AttemptRef& ref) {
  return Guard([&] {
    ExpectEnd(ref);
    return MustFind(ref.job_id, "find_job_to_change");
  });
}

Result<std::vector<Attempt>> SqlStore::Attempts(const std::string& job_id) {
  return Guard([&]() -> Result<std::vector<Attempt>> {
    if (auto there = MustExist(job_id); !there) return std::unexpected(there.error());
    std::vector<Attempt> attempts;
    Rows rows = db_.Query("attempts", {job_id});
    while (rows.Next()) attempts.push_back(ReadAttempt(rows));
    return attempts;
  });
}

Result<LogPage> SqlStore::Logs(const std::string& job_id, const LogRequest& request) {
  return Guard([&]() -> Result<LogPage> {
    if (auto there = MustExist(job_id); !there) return std::unexpected(there.error());
    LogPage page;
    int level = static_cast<int>(request.level.value_or(LogLevel::kDebug));
    {
      Rows rows = db_.Query("count_logs", {job_id, request.attempt, request.stage, level});
      rows.Next();
      page.total = rows.Int(0);
    }
    Rows rows = db_.Query(
        "logs", {job_id, request.attempt, request.stage, level, request.limit, request.offset});
    while (rows.Next()) page.logs.push_back(ReadLogLine(rows));
    return page;
  });
}

Result<Page<Change>> SqlStore::Changes(const std::string& job_id, int page, int page_size,
                                       const std::optional<std::string>& cursor) {
  return Guard([&]() -> Result<Page<Change>> {
    if (auto there = MustExist(job_id); !there) return std::unexpected(there.error());
    std::int64_t after = 0;
    if (cursor) {
      auto [end, error] = std::from_chars(cursor->data(), cursor->data() + cursor->size(), after);
      if (error != std::errc{} || end != cursor->data() + cursor->size() || after < 0) {
        return std::unexpected(Error{ErrorCode::kInvalid,
                                     "The cursor is not one of this list's.",
                                     {{"cursor", "is not one of this list's"}},
                                     {}});
      }
    }
    Page<Change> result;
    {
      Rows rows = db_.Query("count_changes", {job_id, kTotalCountedTo + 1});
      rows.Next();
      result.total = std::min(rows.Int(0), kTotalCountedTo);
      result.total_capped = rows.Int(0) > kTotalCountedTo;
    }
    std::int64_t offset = cursor ? 0 : static_cast<std::int64_t>(page - 1) * page_size;
    Rows rows = db_.Query("changes", {job_id, after, page_size + 1, offset});
    while (rows.Next()) {
      if (static_cast<int>(result.items.size()) == page_size) {
        result.next_cursor = std::to_string(result.items.back().id);
        break;
      }
      result.items.push_back(ReadChange(rows));
    }
    return result;
  });
}

Result<bool> SqlStore::IsRequested(const std::string& job_id) {
  return Guard([&]() -> Result<bool> {
    Rows rows = db_.Query("is_requested", {job_id});
    return rows.Next() && rows.Int(0) != 0;
  });
}

Result<Stats> SqlStore::GetStats(WallTime now) {
  return Guard([&]() -> Result<Stats> {
    Stats stats;
    {
      Rows rows = db_.Query("stats", {});
      rows.Next();
      stats.pending_jobs = rows.Int(0);
      stats.running_jobs = rows.Int(1);
      stats.completed_jobs = rows.Int(2);
      stats.failed_jobs = rows.Int(3);
      stats.cancelled_jobs = rows.Int(4);
      if (rows.Int(5) > 0) {
        stats.average_duration =
            static_cast<double>(rows.Int(6)) / 1000.0 / static_cast<double>(rows.Int(5));
      }
      stats.total_entities_collected = rows.Int(7);
      stats.total_changes_detected = rows.Int(8);
    }
    stats.total_jobs = stats.pending_jobs + stats.running_jobs + stats.completed_jobs +
                       stats.failed_jobs + stats.cancelled_jobs;
    if (std::int64_t ended = stats.completed_jobs + stats.failed_jobs; ended > 0) {
      stats.success_rate = static_cast<double>(stats.completed_jobs) / static_cast<double>(ended);
    }
    Rows rows = db_.Query("oldest_pending", {});
    if (rows.Next()) {
      if (auto created_at = rows.MaybeTime(0)) {
        auto jump = LastClockJump();
        if (!jump) return std::unexpected(jump.error());
        stats.oldest_pending_seconds =
            std::chrono::duration<double>(AgeOf(*created_at, now, *jump)).count();
      }
    }
    return stats;
  });
}

Result<std::vector<TypeTotals>> SqlStore::TotalsByType() {
  return Guard([&]() -> Result<std::vector<TypeTotals>> {
    std::vector<TypeTotals> all;
    Rows rows = db_.Query("totals_by_type", {});
    while (rows.Next()) {
      TypeTotals& totals = all.emplace_back(TypeTotals{rows.Text(0), {}});
      for (int i = 0; i < static_cast<int>(kAllStates.size()); ++i)
        totals.jobs[kAllStates[static_cast<std::size_t>(i)]] = rows.Int(i + 1);
    }
    return all;
  });
}

Result<std::vector<Order>> SqlStore::Orders(std::span<const AttemptRef> live) {
  return Guard([&]() -> Result<std::vector<Order>> {
    std::vector<Order> orders;
    ForEachPart(db_, "orders", live, [&](const AttemptRef& ref, const Rows& rows) {
      bool fenced = rows.Int(1) != 0;
      orders.push_back({ref, !fenced, !fenced && rows.Int(2) != 0, fenced});
    });
    return orders;
  });
}

Result<std::vector<AttemptRef>> SqlStore::UnreleasedOf(std::span<const AttemptRef> refs) {
  return Guard([&]() -> Result<std::vector<AttemptRef>> {
    std::vector<AttemptRef> unreleased;
    ForEachPart(db_, "unreleased_of", refs,
                [&](const AttemptRef& ref, const Rows&) { unreleased.push_back(ref); });
    return unreleased;
  });
}

Result<RunningPage> SqlStore::Running(const std::optional<RunningCursor>& after, int limit,
                                      WallTime now) {
  return Guard([&]() -> Result<RunningPage> {
    // Before every time that a row may have.
    std::string first = db_.dialect() == Dialect::kSqlite ? "" : "-infinity";
    RunningCursor from = after.value_or(RunningCursor{std::move(first), 0});
    db_.Expect("running", {from.created_at, from.id, limit});
    WallTime lease_now = db_.LeaseClock(now);
    RunningPage page;
    Rows rows = db_.Query("running", {from.created_at, from.id, limit});
    while (rows.Next()) {
      page.jobs.push_back(ReadRunningJob(rows, lease_now));
      if (static_cast<int>(page.jobs.size()) == limit)
        page.next = RunningCursor{rows.Text(8), rows.Int(9)};
    }
    return page;
  });
}

Result<std::vector<Attempt>> SqlStore::Unreleased(const std::optional<std::string>& node,
                                                  int limit) {
  return Guard([&]() -> Result<std::vector<Attempt>> {
    std::vector<Attempt> attempts;
    Rows rows = db_.Query("unreleased", {limit, node});
    while (rows.Next()) attempts.push_back(ReadAttempt(rows));
    return attempts;
  });
}

}  // namespace forager::store
