// The reads of jobs: one, many, and what belongs to one.
#include <algorithm>

#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "job/codec.h"

namespace forager::api {
namespace {

constexpr int kMaxPaged = 10'000;

void ReadSort(Query& query, store::ListRequest& list) {
  std::optional<std::string> text = query.Text("sort", 50);
  if (!text) return;
  std::string_view name = *text;
  list.descending = name.starts_with('-');
  if (list.descending) name.remove_prefix(1);
  using enum store::JobSort;
  if (name == "created_at")
    list.sort = kCreatedAt;
  else if (name == "started_at")
    list.sort = kStartedAt;
  else if (name == "completed_at")
    list.sort = kCompletedAt;
  else if (name == "updated_at")
    list.sort = kUpdatedAt;
  else if (name == "priority")
    list.sort = kPriority;
  else
    query.Wrong("sort",
                "must be created_at, started_at, completed_at, updated_at or priority, with - for "
                "descending");
}

std::optional<std::string> TypeName(Query& query, std::string_view name) {
  std::optional<std::string> text = query.Text(name, 50);
  if (text && !IsTypeName(*text)) query.Wrong(name, "must be 1 to 50 of a-z, 0-9 and _");
  return text;
}

struct Paging {
  int page = 1, page_size = 20;
  std::optional<std::string> cursor;
};

Paging ReadPaging(Query& query) {
  Paging paging;
  paging.page = query.Int("page", 1, kMaxPaged, 1);
  paging.page_size = query.Int("page_size", 1, 100, 20);
  paging.cursor = query.Text("cursor", 500);
  if (paging.cursor && query.Has("page"))
    query.Wrong("page", "cannot be given together with cursor");
  if (paging.page * paging.page_size > kMaxPaged) {
    query.Wrong("page", "reaches beyond 10000 rows; go on with cursor");
  }
  return paging;
}

Result<store::ListRequest> ParseList(const Call& call) {
  Query query(call.request);
  store::ListRequest list;
  list.filter.status = query.States("status");
  list.filter.entity_type = TypeName(query, "entity_type");
  list.filter.job_type = TypeName(query, "job_type");
  list.filter.q = query.Text("q", 200);
  list.filter.parent_job_id = query.Text("parent_job_id", 100);
  list.filter.created_after = query.Time("created_after");
  list.filter.created_before = query.Time("created_before");
  ReadSort(query, list);
  Paging paging = ReadPaging(query);
  list.page = paging.page;
  list.page_size = paging.page_size;
  list.cursor = paging.cursor;
  if (auto error = query.error()) return std::unexpected(*error);
  return list;
}

template <typename T>
void WritePaging(ObjectWriter& body, const store::Page<T>& page, const Paging& paging) {
  body.Int("total", page.total);
  if (page.total_capped) body.Bool("total_capped", true);
  paging.cursor ? body.Raw("page", "null") : body.Int("page", paging.page);
  body.Int("page_size", paging.page_size).TextOrNull("next_cursor", page.next_cursor);
}

}  // namespace

Result<ReadWork> ListJobs(const Call& call) {
  Result<store::ListRequest> list = ParseList(call);
  if (!list) return std::unexpected(list.error());
  return [list = std::move(*list)](store::Store& store) -> Result<http::Response> {
    auto page = store.List(list);
    if (!page) return std::unexpected(page.error());
    ObjectWriter body;
    body.Raw("jobs", WriteArray(page->items, WriteJob));
    WritePaging(body, *page, {list.page, list.page_size, list.cursor});
    return Json(200, body.Take());
  };
}

Result<ReadWork> GetJob(const Call& call) {
  return [&call](store::Store& store) -> Result<http::Response> {
    Result<Job> job = store.Find(call.id);
    if (!job) return std::unexpected(job.error());
    return Json(200, WriteJob(*job));
  };
}

Result<ReadWork> GetAttempts(const Call& call) {
  return [&call](store::Store& store) -> Result<http::Response> {
    if (auto job = store.Find(call.id); !job) return std::unexpected(job.error());
    auto attempts = store.Attempts(call.id);
    if (!attempts) return std::unexpected(attempts.error());
    return Json(200, ObjectWriter()
                         .Text("job_id", call.id)
                         .Raw("attempts", WriteArray(*attempts, WriteAttempt))
                         .Take());
  };
}

Result<ReadWork> GetLogs(const Call& call) {
  Query query(call.request);
  store::LogRequest wish;
  wish.limit = query.Int("limit", 1, 500, 100);
  wish.offset = query.Int("offset", 0, 1'000'000'000, 0);
  if (auto level = query.Text("level", 20)) {
    std::ranges::transform(*level, level->begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    wish.level = ParseLogLevel(*level);
    if (!wish.level) query.Wrong("level", "must be DEBUG, INFO, WARNING or ERROR");
  }
  wish.stage = query.Text("stage", 200);
  if (query.Has("attempt")) wish.attempt = query.Int("attempt", 0, 1'000'000'000, 1);
  if (auto error = query.error()) return std::unexpected(*error);
  return [&call, wish](store::Store& store) -> Result<http::Response> {
    if (auto job = store.Find(call.id); !job) return std::unexpected(job.error());
    auto page = store.Logs(call.id, wish);
    if (!page) return std::unexpected(page.error());
    return Json(200, ObjectWriter()
                         .Text("job_id", call.id)
                         .Raw("logs", WriteArray(page->logs, WriteLogLine))
                         .Int("total_logs", page->total)
                         .Int("limit", wish.limit)
                         .Int("offset", wish.offset)
                         .Take());
  };
}

Result<ReadWork> GetChanges(const Call& call) {
  Query query(call.request);
  Paging paging = ReadPaging(query);
  if (auto error = query.error()) return std::unexpected(*error);
  return [&call, paging](store::Store& store) -> Result<http::Response> {
    if (auto job = store.Find(call.id); !job) return std::unexpected(job.error());
    auto page = store.Changes(call.id, paging.page, paging.page_size, paging.cursor);
    if (!page) return std::unexpected(page.error());
    ObjectWriter body;
    body.Text("job_id", call.id).Raw("changes", WriteArray(page->items, WriteChange));
    WritePaging(body, *page, paging);
    return Json(200, body.Take());
  };
}

Result<ReadWork> ListChanges(const Call& call) {
  Query query(call.request);
  store::ChangeFilter filter;
  filter.job_id = query.Text("job_id", 100);
  filter.entity_type = TypeName(query, "entity_type");
  filter.status = TypeName(query, "status");
  filter.change_type = TypeName(query, "change_type");
  Paging paging = ReadPaging(query);
  if (auto error = query.error()) return std::unexpected(*error);
  return [filter, paging](store::Store& store) -> Result<http::Response> {
    auto page = store.AllChanges(filter, paging.page, paging.page_size, paging.cursor);
    if (!page) return std::unexpected(page.error());
    ObjectWriter body;
    body.Raw("changes", WriteArray(page->items, WriteChange));
    WritePaging(body, *page, paging);
    return Json(200, body.Take());
  };
}

}  // namespace forager::api
