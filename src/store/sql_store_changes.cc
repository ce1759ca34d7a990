// The list of all changes, newest first. Each page walks one index from where the page before
// ended, over a bounded number of rows; what the index does not know is looked at row by row.
#include <algorithm>
#include <charconv>
#include <limits>

#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::int64_t kCountedTo = 10'000;
constexpr std::int64_t kWalked = 50'000;
constexpr std::int64_t kNewest = std::numeric_limits<std::int64_t>::max();

// The cursor is the id of the last row looked at; none: not a cursor.
std::optional<std::int64_t> ReadCursor(const std::string& text) {
  std::int64_t id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id < 0) return std::nullopt;
  return id;
}

struct Walk {
  std::vector<std::int64_t> ids;  // of the page, and one more when there is one
  std::int64_t matched = 0;
  std::int64_t seen = 0;
  std::int64_t last = 0;  // the last row looked at
};

// Looks until more than `count_to` match.
Walk Take(Rows rows, std::int64_t offset, int page_size, std::int64_t count_to) {
  Walk walk;
  while (walk.matched <= count_to && rows.Next()) {
    ++walk.seen;
    walk.last = rows.Int(0);
    if (rows.Int(1) == 0) continue;
    bool wanted = walk.matched >= offset && std::ssize(walk.ids) <= page_size;
    if (wanted) walk.ids.push_back(walk.last);
    ++walk.matched;
  }
  return walk;
}

}  // namespace

Result<Page<Change>> SqlStore::AllChanges(const ChangeFilter& filter, int page, int page_size,
                                          const std::optional<std::string>& cursor) {
  return Guard([&]() -> Result<Page<Change>> {
    std::int64_t below = kNewest;
    if (cursor) {
      auto given = ReadCursor(*cursor);
      if (!given) {
        return std::unexpected(Error{ErrorCode::kInvalid,
                                     "The cursor is not one of this list's.",
                                     {{"cursor", "is not one of this list's"}},
                                     {}});
      }
      below = *given;
    }
    const auto& [job, type, status, kind] = filter;
    auto start = [&](std::int64_t from) {
      if (job) return db_.Query("walk_changes_of_job", {from, kWalked, kind, job, type, status});
      if (type) return db_.Query("walk_changes_of_type", {from, kWalked, kind, type, status});
      if (status) return db_.Query("walk_changes_of_status", {from, kWalked, kind, status});
      return db_.Query("walk_changes", {from, kWalked, kind});
    };
    std::int64_t offset = cursor ? 0 : static_cast<std::int64_t>(page - 1) * page_size;
    Walk walk = Take(start(below), offset, page_size, cursor ? page_size : kCountedTo);
    Page<Change> result;
    if (std::ssize(walk.ids) > page_size) {
      walk.ids.pop_back();
      result.next_cursor = std::to_string(walk.ids.back());
    } else if (walk.seen == kWalked) {
      result.next_cursor = std::to_string(walk.last);
    }
    const Walk whole = cursor ? Take(start(kNewest), 0, 0, kCountedTo) : walk;
    result.total = std::min(whole.matched, kCountedTo);
    result.total_capped = whole.matched > kCountedTo || whole.seen == kWalked;
    for (std::int64_t id : walk.ids) db_.Expect("change_by_id", {id});
    for (std::int64_t id : walk.ids) {
      Rows rows = db_.Query("change_by_id", {id});
      if (rows.Next()) result.items.push_back(ReadChange(rows));
    }
    return result;
  });
}

}  // namespace forager::store
