// The list of jobs: flat for the default order with any status and type; `q` and the other orders
// look at the newest 50,000 jobs that match everything else.
#include <algorithm>

#include "store/list_query.h"
#include "store/rows.h"
#include "store/sql_store.h"

namespace forager::store {
namespace {

constexpr std::int64_t kCountedTo = 10'000;
constexpr std::int64_t kWindow = 50'000;

Error WrongCursor() {
  return Error{ErrorCode::kInvalid,
               "The cursor is not one of this list's.",
               {{"cursor", "is not one of this list's"}},
               {}};
}

void SetTotal(Page<Job>& page, std::int64_t total) {
  page.total = std::min(total, kCountedTo);
  page.total_capped = total > kCountedTo;
}

}  // namespace

std::int64_t SqlStore::CountByTotals(const JobFilter& filter) {
  Rows rows = db_.Query("totals_of", {filter.entity_type});
  rows.Next();
  std::int64_t count = 0;
  for (State state : kAllStates) {
    bool wanted =
        filter.status.empty() || std::ranges::find(filter.status, state) != filter.status.end();
    if (wanted) count += rows.Int(static_cast<int>(state));
  }
  return count;
}

std::vector<Job> SqlStore::JobsById(std::span<const std::int64_t> ids) {
  std::vector<Job> jobs;
  for (std::int64_t id : ids) db_.Expect("job_by_id", {id});
  for (std::int64_t id : ids) {
    Rows rows = db_.Query("job_by_id", {id});
    if (rows.Next()) jobs.push_back(ReadJob(rows));
  }
  return jobs;
}

Page<Job> SqlStore::ListByCreation(const ListRequest& request,
                                   const std::optional<ListCursor>& cursor) {
  const JobFilter& filter = request.filter;
  ListQuery query(db_, filter);
  Page<Job> page;
  bool counted =
      !filter.job_type && !filter.parent_job_id && !filter.created_after && !filter.created_before;
  SetTotal(page, counted ? CountByTotals(filter) : query.Count(kCountedTo + 1));
  std::int64_t offset =
      cursor ? 0 : static_cast<std::int64_t>(request.page - 1) * request.page_size;
  auto rows = query.ByCreation(request.descending, request.page_size + 1, offset, cursor);
  if (static_cast<int>(rows.size()) > request.page_size) {
    rows.resize(static_cast<std::size_t>(request.page_size));
    page.next_cursor =
        WriteCursor(request.sort, request.descending, {rows.back().created_at, rows.back().id});
  }
  std::vector<std::int64_t> ids;
  for (const auto& row : rows) ids.push_back(row.id);
  page.items = JobsById(ids);
  return page;
}

Page<Job> SqlStore::ListWindow(const ListRequest& request,
                               const std::optional<ListCursor>& cursor) {
  ListQuery query(db_, request.filter);
  auto found = query.Window(request.sort, kWindow);
  auto before = [&](const auto& a, const auto& b) {
    return request.descending ? std::tie(a.key, a.id) > std::tie(b.key, b.id)
                              : std::tie(a.key, a.id) < std::tie(b.key, b.id);
  };
  std::ranges::sort(found, before);
  Page<Job> page;
  SetTotal(page, static_cast<std::int64_t>(found.size()));
  auto begin = found.begin();
  if (cursor) {
    ListQuery::Keyed last{cursor->id, cursor->key};
    begin = std::upper_bound(found.begin(), found.end(), last, before);
  } else {
    auto offset = static_cast<std::int64_t>(request.page - 1) * request.page_size;
    begin += std::min<std::int64_t>(offset, std::ssize(found));
  }
  auto end = begin + std::min<std::int64_t>(request.page_size, found.end() - begin);
  std::vector<std::int64_t> ids;
  for (auto row = begin; row != end; ++row) ids.push_back(row->id);
  page.items = JobsById(ids);
  if (end != found.end() && end != begin) {
    page.next_cursor =
        WriteCursor(request.sort, request.descending, {(end - 1)->key, (end - 1)->id});
  }
  return page;
}

Result<Page<Job>> SqlStore::List(const ListRequest& request) {
  return Guard([&]() -> Result<Page<Job>> {
    std::optional<ListCursor> cursor;
    if (request.cursor) {
      cursor = ReadCursor(request.sort, request.descending, *request.cursor);
      if (!cursor) return std::unexpected(WrongCursor());
    }
    if (request.filter.q || request.sort != JobSort::kCreatedAt) return ListWindow(request, cursor);
    return ListByCreation(request, cursor);
  });
}

}  // namespace forager::store
