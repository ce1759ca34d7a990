// Runs units of work on the store. Writes of many callers are committed together (group commit) by
// one writer thread and answered after the commit; reads run on a few threads with a time limit.
// Nothing here blocks the caller. Owned by the composition root; used by api and scheduler.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "job/error.h"
#include "store/store.h"

namespace forager::store {

// The jobs that a committed group changed, for those who show or schedule them.
// What others want to know of a commit.
struct CommitNews {
  static constexpr std::size_t kMostJobs = 1'000;
  std::vector<std::string> job_ids;  // changed jobs, at most kMostJobs; more: `many` is true
  bool many = false;
  bool pending_added = false;  // something may be claimable now
  bool requested = false;      // pending jobs were asked for: dispatch starts them in either mode
  bool orders_added = false;   // a cancel request or a fence: live attempts must look
  struct ChangedSchedule {
    std::int64_t id;
    std::string name;
    bool deleted;
  };
  static constexpr std::size_t kMostSchedules = 1'000;
  std::vector<ChangedSchedule> schedules;  // changed, or a run of them was decided

  // `more` happened too; of its jobs as many as there is room for.
  void Add(const CommitNews& more);
};

struct Committed : CommitNews {
  HistoryTally history;  // what happened, for charts
};

struct Health {
  bool ok = true;
  std::string reason;  // when not ok: one clear sentence
  bool lost = false;   // and nothing can be stored before a restart
};

struct StoreOptions {
  std::string path{};      // SQLite file
  std::string postgres{};  // postgres://..., instead of a file
  std::string node{};      // who this is to the other servers of a PostgreSQL database
  Millis busy_timeout{5'000};
  Millis read_limit{2'000};
  int readers = 2;
  int max_group = 1'000;   // callers in one commit
  int max_queue = 20'000;  // waiting callers; more are answered kUnavailable

  // Other servers may have the same database.
  bool shared() const { return !postgres.empty(); }
};

class StoreService {
 public:
  // Work returns an error to roll its own part back; others of its group are not touched.
  using Work = std::function<Result<void>(Store&)>;
  // Called once, after the commit (or with the error), on a thread of the service; at once on the
  // caller's own when the queue is full. Must not block.
  using Done = std::function<void(Result<void>)>;

  // Opens, migrates and checks the database. One clear line when it cannot be used.
  static Result<std::unique_ptr<StoreService>> Open(StoreOptions options);
  virtual ~StoreService() = default;  // finishes the queue, then closes

  virtual void Write(Work work, Done done) = 0;
  // The same for work that ends this attempt and touches no other job: where many wait, what they
  // read comes at once.
  virtual void WriteEnd(const AttemptRef& ref, Work work, Done done) = 0;
  // A write that waits behind no other: leases.
  virtual void WriteUrgent(Work work, Done done) = 0;
  virtual void Read(Work work, Done done) = 0;
  // For start-up, tests and the command line: waits.
  Result<void> WriteAndWait(Work work);
  Result<void> ReadAndWait(Work work);
  // For a start: tries again while the database cannot be reached or is locked.
  Result<void> WritePatiently(const Work& work, std::chrono::seconds limit);

  // Called on a thread of the service after each commit, also after those of other servers. Set
  // once, before the first Write.
  virtual void OnCommit(std::function<void(const Committed&)> observer) = 0;
  virtual Health health() const = 0;
  // Queue length, commits, group sizes ... for /metrics.
  struct Figures {
    std::uint64_t commits = 0, writes = 0, queue = 0, failed_commits = 0, wal_bytes = 0;
  };
  virtual Figures figures() const = 0;
};

}  // namespace forager::store
