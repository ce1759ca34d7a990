// Submit, requeue, cancel, delete: what users do to jobs.
#include <fmt/format.h>

#include "job/codec.h"
#include "job/job_id.h"
#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::int64_t kMillisPerPriority = 3'600'000;

Error Taken(const std::string& unique_key, const std::string& holder) {
  return Error{ErrorCode::kConflict,
               fmt::format("Job {} with unique_key \"{}\" is pending or running already.", holder,
                           unique_key),
               {},
               {}};
}

std::optional<double> Minutes(const std::optional<Millis>& timeout) {
  if (!timeout) return std::nullopt;
  return static_cast<double>(timeout->count()) / 60'000.0;
}

}  // namespace

void SqlStore::Touched(const std::string& job_id) {
  if (committed_.job_ids.size() < Committed::kMostJobs) {
    committed_.job_ids.push_back(job_id);
  } else {
    committed_.many = true;
  }
}

// How many more jobs may wait; less than none when there are too many already.
std::int64_t SqlStore::RoomLeft(std::int64_t max_pending) {
  std::int64_t pending = pending_ && *pending_ ? **pending_ : TotalPending();
  if (pending_) *pending_ = pending;
  return max_pending - pending;
}

void SqlStore::TakeRoom(std::size_t jobs) {
  if (pending_ && *pending_) **pending_ += static_cast<std::int64_t>(jobs);
}

Error SqlStore::NoRoom(std::int64_t room, std::int64_t max_pending) {
  return Error{ErrorCode::kUnavailable,
               fmt::format("There are {} pending jobs; at most {} may wait.", max_pending - room,
                           max_pending),
               {},
               std::chrono::seconds(30)};
}

Result<void> SqlStore::CheckRoom(std::size_t more, std::int64_t max_pending) {
  std::int64_t room = RoomLeft(max_pending);
  if (room < static_cast<std::int64_t>(more)) return std::unexpected(NoRoom(room, max_pending));
  TakeRoom(more);
  return {};
}

std::int64_t SqlStore::TotalPending() {
  Rows rows = db_.Query("total_pending", {});
  rows.Next();
  return rows.Int(0);
}

std::optional<std::string> SqlStore::HolderOf(const std::optional<std::string>& unique_key) {
  if (!unique_key) return std::nullopt;
  Rows rows = db_.Query("unique_key_holder", {unique_key});
  if (!rows.Next()) return std::nullopt;
  return rows.Text(0);
}

// The row is written by WriteInserted, together with others.
Job SqlStore::Insert(const NewJob& made, int default_priority, WallTime now,
                     std::optional<std::string> child_digest) {
  Job job;
  job.job_id = MakeJobId(now);
  job.entity_type = made.entity_type;
  job.job_type = made.job_type;
  job.entity_id = made.entity_id;
  job.search_query = made.search_query;
  job.target_url = made.target_url;
  job.search_filters = made.search_filters;
  job.priority = made.priority.value_or(default_priority);
  job.run_at = made.run_at;
  job.max_attempts = made.max_attempts;
  job.timeout = made.timeout;
  job.parent_job_id = made.parent_job_id;
  job.initiated_by = made.initiated_by;
  job.unique_key = made.unique_key;
  job.created_at = job.updated_at = now;
  std::string host = made.target_url ? HostOf(*made.target_url) : "";
  WallTime eligible = made.run_at.value_or(now);
  ++inserted_.by_type[job.entity_type];
  if (eligible <= now) {
    std::int64_t key = UnixMillis(eligible) - job.priority * kMillisPerPriority;
    auto [head, first] = inserted_.heads.try_emplace({job.entity_type, host}, key);
    head->second = std::min(head->second, key);
  }
  Touched(job.job_id);
  committed_.pending_added = true;
  inserted_.jobs.push_back({job, std::move(host), eligible, std::move(child_digest)});
  return job;
}

void SqlStore::WriteInserted(WallTime now) {
  std::vector<Database::Row> rows;
  rows.reserve(inserted_.jobs.size());
  for (const auto& [job, host, eligible, child_digest] : inserted_.jobs) {
    rows.push_back({job.job_id, job.entity_type, job.job_type, job.entity_id, job.search_query,
                    job.target_url, job.search_filters, job.priority, job.run_at, job.max_attempts,
                    Minutes(job.timeout), job.parent_job_id, job.initiated_by, job.unique_key, now,
                    host, UnixMillis(eligible), eligible > now, child_digest});
  }
  if (!rows.empty()) db_.InsertMany("insert_job", rows);
  for (const auto& [entity_type, count] : inserted_.by_type) {
    db_.Send("count_new", {entity_type, count});
    committed_.history.At(entity_type, now)[HistoryEvent::kSubmitted] += count;
  }
  for (const auto& [lane, head] : inserted_.heads)
    db_.Send("offer_lane", {lane.first, lane.second, head});
  inserted_ = {};
}

Result<Job> SqlStore::Submit(const NewJob& job, int default_priority, std::int64_t max_pending,
                             WallTime now) {
  return Guard([&]() -> Result<Job> {
    if (auto room = CheckRoom(1, max_pending); !room) return std::unexpected(room.error());
    if (auto holder = HolderOf(job.unique_key)) {
      return std::unexpected(Taken(*job.unique_key, *holder));
    }
    Job made = Insert(job, default_priority, now);
    WriteInserted(now);
    return made;
  });
}

Result<std::vector<std::string>> SqlStore::SubmitMany(
    std::span<const NewJob> jobs, const std::map<std::string, int>& default_priorities,
    std::int64_t max_pending, WallTime now) {
  return Guard([&]() -> Result<std::vector<std::string>> {
    if (auto room = CheckRoom(jobs.size(), max_pending); !room) {
      return std::unexpected(room.error());
    }
    std::set<std::string_view> keys;
    for (const NewJob& job : jobs) {  // before the first insert: all or nothing
      if (!job.unique_key) continue;
      if (!keys.insert(*job.unique_key).second) {
        return forager::Fail(
            ErrorCode::kConflict,
            fmt::format("Two of these jobs have unique_key \"{}\".", *job.unique_key));
      }
      if (auto holder = HolderOf(job.unique_key)) {
        return std::unexpected(Taken(*job.unique_key, *holder));
      }
    }
    std::vector<std::string> ids;
    ids.reserve(jobs.size());
    for (const NewJob& job : jobs) {
      auto priority = default_priorities.find(job.entity_type);
      ids.push_back(
          Insert(job, priority == default_priorities.end() ? 5 : priority->second, now).job_id);
    }
    WriteInserted(now);
    return ids;
  });
}

Result<Job> SqlStore::MustFind(const std::string& job_id, std::string_view statement) {
  Rows rows = db_.Query(statement, {job_id});
  if (rows.Next()) return ReadJob(rows);
  return forager::Fail(ErrorCode::kNotFound, fmt::format("There is no job {}.", job_id));
}

Result<void> SqlStore::MustExist(const std::string& job_id) {
  Rows rows = db_.Query("job_exists", {job_id});
  if (rows.Next()) return {};
  return forager::Fail(ErrorCode::kNotFound, fmt::format("There is no job {}.", job_id));
}

Result<Job> SqlStore::Requeue(const std::string& job_id, WallTime now) {
  return Guard([&]() -> Result<Job> {
    auto job = MustFind(job_id, "find_job_to_change");
    if (!job) return job;
    if (!Allowed(job->status, Transition::kRequeue)) {
      return forager::Fail(
          ErrorCode::kConflict,
          fmt::format("Job {} is {}: only failed and cancelled jobs can be retried.", job_id,
                      Name(job->status)));
    }
    if (auto holder = HolderOf(job->unique_key)) {
      return std::unexpected(Taken(*job->unique_key, *holder));
    }
    db_.Execute("requeue_job", {job_id, now, UnixMillis(now)});
    Touched(job_id);
    committed_.pending_added = true;
    return MustFind(job_id);
  });
}

// An order to the attempt; at once when there is none. Orders are looked at in both cases: the
// attempt's row may have been removed by hand while its process lives.
bool SqlStore::CancelRunning(const std::string& job_id, bool force, WallTime now) {
  bool unattended = db_.Execute("cancel_unattended_job", {job_id, now, force}) == 1;
  bool done = unattended || db_.Execute("request_cancel", {job_id, now, force}) == 1;
  if (unattended) CountById(HistoryEvent::kCancelled, job_id, now);
  committed_.orders_added |= done;
  committed_.pending_added |= unattended;  // its slot is free
  return done;
}

Result<Job> SqlStore::RequestCancel(const std::string& job_id, bool force, WallTime now) {
  return Guard([&]() -> Result<Job> {
    auto job = MustFind(job_id, "find_job_to_change");
    if (!job) return job;
    if (job->status == State::kPending) {
      if (db_.Execute("cancel_pending_job", {job_id, now, force}) == 1)
        Count(HistoryEvent::kCancelled, job->entity_type, now);
    } else if (job->status == State::kRunning) {
      CancelRunning(job_id, force, now);
    } else {
      return forager::Fail(
          ErrorCode::kConflict,
          fmt::format("Job {} is {} already: it cannot be cancelled.", job_id, Name(job->status)));
    }
    Touched(job_id);
    return MustFind(job_id);
  });
}

Result<void> SqlStore::Delete(const std::string& job_id) {
  return Guard([&]() -> Result<void> {
    if (db_.Execute("delete_job", {job_id}) == 1) {
      Touched(job_id);
      return {};
    }
    auto job = MustFind(job_id);
    if (!job) return std::unexpected(job.error());
    if (job->status == State::kRunning) {
      return forager::Fail(
          ErrorCode::kConflict,
          fmt::format("Cannot delete job {}: it is running. Cancel it first.", job_id));
    }
    return forager::Fail(
        ErrorCode::kConflict,
        fmt::format("Cannot delete job {} yet: the processes of its last attempt are not "
                    "proven to be gone.",
                    job_id));
  });
}

Result<int> SqlStore::PruneJobs(WallTime finished_before, int limit) {
  return Guard([&]() -> Result<int> {
    return static_cast<int>(db_.Execute("prune_jobs", {finished_before, limit}));
  });
}

}  // namespace forager::store
