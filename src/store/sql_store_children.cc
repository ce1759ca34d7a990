// Child jobs of attempts: each identical one of a parent is stored once, and within the bound of
// pending jobs.
#include <fmt/format.h>

#include "store/child_digest.h"
#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::size_t kAtOnce = 1'000;  // named in one statement

}  // namespace

// Those that are not stored yet; kConflict when with them too many would wait. Writes nothing.
Result<std::vector<SqlStore::Child>> SqlStore::NewChildren(const AttemptNews& news) {
  std::vector<Child> children;
  if (news.child_jobs.empty()) return children;
  std::set<std::string> digests;
  for (const NewJob& job : news.child_jobs) {
    std::string digest = ChildDigest(job);
    if (digests.insert(digest).second) children.push_back({job, std::move(digest)});
  }
  std::vector<std::string> names;
  for (const Child& child : children) names.push_back(child.digest);
  for (std::size_t begin = 0; begin < names.size(); begin += kAtOnce) {
    std::span<const std::string> part(names);
    std::string refs = WriteRefs(part.subspan(begin, std::min(kAtOnce, names.size() - begin)));
    Rows rows = db_.Query("children_known", {refs, news.ref.job_id});
    while (rows.Next()) children[begin + static_cast<std::size_t>(rows.Int(0))].digest.clear();
  }
  std::erase_if(children, [](const Child& child) { return child.digest.empty(); });
  if (children.empty()) return children;
  if (auto room = CheckRoom(children.size(), news.max_pending); !room) {
    return forager::Fail(ErrorCode::kConflict,
                         fmt::format("Its {} child job(s) were refused (max_pending): {}",
                                     children.size(), room.error().detail));
  }
  return children;
}

void SqlStore::StoreChildren(const AttemptRef& ref, std::span<const Child> children, WallTime now) {
  std::map<std::string, std::string> holders;  // of unique keys, among these
  for (const Child& child : children) {
    if (child.job.unique_key) db_.Expect("unique_key_holder", {child.job.unique_key});
  }
  std::vector<LogLine> refused;
  for (const auto& [job, digest] : children) {
    std::optional<std::string> holder = HolderOf(job.unique_key);
    if (!holder && job.unique_key && holders.contains(*job.unique_key))
      holder = holders[*job.unique_key];
    if (holder) {
      LogLine& line = refused.emplace_back();
      line.timestamp = now;
      line.level = LogLevel::kWarning;
      line.message = fmt::format(
          "Child job not submitted: {} with unique_key \"{}\" is pending or running already.",
          *holder, *job.unique_key);
      continue;
    }
    NewJob made = job;
    made.parent_job_id = ref.job_id;
    std::string job_id = Insert(made, 5, now, digest).job_id;
    if (job.unique_key) holders[*job.unique_key] = job_id;
  }
  WriteInserted(now);
  StoreLogs(ref, refused);
}

}  // namespace forager::store
