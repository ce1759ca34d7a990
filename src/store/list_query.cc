#include "store/list_query.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "store/statements.h"

namespace forager::store {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::string CursorPrefix(JobSort sort, bool descending) {
  return fmt::format("{}{}|", static_cast<int>(sort), descending ? 'd' : 'a');
}

std::vector<State> StatusesOf(const JobFilter& filter) {
  if (filter.status.empty()) return {kAllStates.begin(), kAllStates.end()};
  std::set<State> once(filter.status.begin(), filter.status.end());
  return {once.begin(), once.end()};
}

std::string_view KeyPiece(JobSort sort) {
  switch (sort) {
    case JobSort::kCreatedAt:
      return "key_created_at";
    case JobSort::kStartedAt:
      return "key_started_at";
    case JobSort::kCompletedAt:
      return "key_completed_at";
    case JobSort::kUpdatedAt:
      return "key_updated_at";
    case JobSort::kPriority:
      return "key_priority";
  }
  return "key_created_at";
}

}  // namespace

std::string WriteCursor(JobSort sort, bool descending, const ListCursor& cursor) {
  std::string text = CursorPrefix(sort, descending) + fmt::format("{}|{}", cursor.id, cursor.key);
  std::string hex;
  for (unsigned char c : text) {
    hex += kHex[c >> 4];
    hex += kHex[c & 15];
  }
  return hex;
}

std::optional<ListCursor> ReadCursor(JobSort sort, bool descending, const std::string& hex) {
  if (hex.size() % 2 != 0 || hex.size() > 400) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    auto high = kHex.find(hex[i]), low = kHex.find(hex[i + 1]);
    if (high == kHex.npos || low == kHex.npos) return std::nullopt;
    text += static_cast<char>(high * 16 + low);
  }
  std::string prefix = CursorPrefix(sort, descending);
  if (!text.starts_with(prefix)) return std::nullopt;
  ListCursor cursor;
  const char* begin = text.data() + prefix.size();
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(begin, end, cursor.id);
  if (error != std::errc{} || stop == end || *stop != '|') return std::nullopt;
  cursor.key.assign(stop + 1, end);
  return cursor;
}

std::string ListQuery::Order(bool descending) {
  return Piece(descending ? "newest_first" : "oldest_first", {});
}

// A piece around what was composed.
std::string ListQuery::Around(std::string_view name, const std::string& inner,
                              std::initializer_list<Param> params) {
  std::string text = Piece(name, params);
  return text.replace(text.find("{}"), 2, inner);
}

// A named piece with its $? numbered, its values appended.
std::string ListQuery::Piece(std::string_view name, std::initializer_list<Param> params) {
  std::string text = Statement(db_.dialect(), name);
  std::size_t number = params_.size();
  for (std::size_t at = 0; (at = text.find("$?", at)) != std::string::npos;) {
    text.replace(at, 2, "$" + std::to_string(++number));
  }
  params_.insert(params_.end(), params.begin(), params.end());
  return " " + text;
}

std::string ListQuery::Conditions(bool with_parent) {
  std::string text;
  if (filter_.job_type) text += Piece("where_job_type", {filter_.job_type});
  if (with_parent && filter_.parent_job_id) text += Piece("where_parent", {filter_.parent_job_id});
  if (filter_.created_after) text += Piece("where_created_after", {filter_.created_after});
  if (filter_.created_before) text += Piece("where_created_before", {filter_.created_before});
  return text;
}

// UNION ALL of the branches, each with its own order and limit.
std::string ListQuery::Merge(const std::string& more, const std::string& order,
                             std::int64_t branch_limit) {
  std::string merged;
  for (State status : StatusesOf(filter_)) {
    std::string branch;
    if (filter_.parent_job_id) {
      branch = Piece("list_branch_by_parent", {filter_.parent_job_id}) +
               Piece("where_status", {Name(status)});
      if (filter_.entity_type) branch += Piece("where_type", {filter_.entity_type});
    } else if (filter_.entity_type) {
      branch = Piece("list_branch_by_type", {filter_.entity_type, Name(status)});
    } else {
      branch = Piece("list_branch_by_status", {Name(status)});
    }
    branch += Conditions(false) + more + order;
    if (branch_limit > 0) branch += Piece("limit", {branch_limit});
    if (!merged.empty()) merged += Piece("next_branch", {});
    merged += Around("branch", branch, {});
  }
  return merged;
}

std::vector<ListQuery::Row> ListQuery::ByCreation(bool descending, std::int64_t limit,
                                                  std::int64_t offset,
                                                  const std::optional<ListCursor>& cursor) {
  params_.clear();
  std::string more;
  if (cursor) {
    more =
        Piece(descending ? "where_before_cursor" : "where_after_cursor", {cursor->key, cursor->id});
  }
  std::string order = Order(descending);
  std::string sql = Merge(more, order, limit + offset) + order + Piece("limit", {limit}) +
                    Piece("offset", {offset});
  std::vector<Row> found;
  Rows rows = db_.QueryComposed(sql, params_);
  while (rows.Next()) found.push_back({rows.Int(0), rows.Text(1)});
  return found;
}

std::int64_t ListQuery::Count(std::int64_t limit) {
  params_.clear();
  std::string sql = Around("count_rows", Merge("", "", limit), {limit});
  Rows rows = db_.QueryComposed(sql, params_);
  rows.Next();
  return rows.Int(0);
}

std::string ListQuery::Pattern() const {
  std::string pattern = "%";
  for (char c : *filter_.q) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

std::vector<ListQuery::Keyed> ListQuery::Window(JobSort sort, std::int64_t window) {
  params_.clear();
  std::string pattern = filter_.q ? Pattern() : "";
  std::string order = Order(true);
  std::string newest = Merge("", order, window) + order + Piece("limit", {window});
  std::string sql = Around("window_rows", newest, {});
  constexpr std::string_view kKey = "{key}";
  sql.replace(sql.find(kKey), kKey.size(), Piece(KeyPiece(sort), {}));
  if (filter_.q) sql += Piece("where_q", {pattern, pattern, pattern});
  std::vector<Keyed> found;
  Rows rows = db_.QueryComposed(sql, params_);
  while (rows.Next()) found.push_back({rows.Int(0), rows.Text(1)});
  return found;
}

std::vector<std::int64_t> ListQuery::IdsByIndex(std::int64_t after, int limit) {
  params_.clear();
  std::string pattern = filter_.q ? Pattern() : "";
  std::string more = Piece("where_id_after", {after});
  if (filter_.q) more += Piece("where_q", {pattern, pattern, pattern});
  std::string sql = Merge(more, "", 0) + Piece("lowest_id_first", {}) + Piece("limit", {limit});
  std::vector<std::int64_t> ids;
  Rows rows = db_.QueryComposed(sql, params_);
  while (rows.Next()) ids.push_back(rows.Int(0));
  return ids;
}

std::vector<std::int64_t> ListQuery::IdsByWalk(std::int64_t after, std::int64_t upto, int limit) {
  params_.clear();
  std::string pattern = filter_.q ? Pattern() : "";
  std::string sql = Piece("walk", {after, upto}) + Conditions(true);
  if (filter_.entity_type) sql += Piece("where_type", {filter_.entity_type});
  if (!filter_.status.empty()) {
    std::string any;
    for (State status : StatusesOf(filter_)) {
      if (!any.empty()) any += Piece("or", {});
      any += Piece("is_status", {Name(status)});
    }
    sql += Around("where_any", any, {});
  }
  if (filter_.q) sql += Piece("where_q", {pattern, pattern, pattern});
  sql += Piece("lowest_id_first", {}) + Piece("limit", {limit});
  std::vector<std::int64_t> ids;
  Rows rows = db_.QueryComposed(sql, params_);
  while (rows.Next()) ids.push_back(rows.Int(0));
  return ids;
}

}  // namespace forager::store
