// Composes the queries over many jobs from the pieces in sql/list.sql: a merge of index walks, one
// for each status (and type), so that a page costs what it shows. Used by lists and by bulk
// operations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/database.h"
#include "store/store.h"

namespace forager::store {

// Where a page ended: the sort key and the row id of its last job.
struct ListCursor {
  std::string key;
  std::int64_t id = 0;
};
// Opaque to users; bound to one order. None when it is not a cursor of that order.
std::string WriteCursor(JobSort sort, bool descending, const ListCursor& cursor);
std::optional<ListCursor> ReadCursor(JobSort sort, bool descending, const std::string& text);

class ListQuery {
 public:
  struct Row {
    std::int64_t id = 0;
    std::string created_at;
  };

  ListQuery(Database& database, const JobFilter& filter) : db_(database), filter_(filter) {}

  // Rows in the order of creation, from `cursor` on; `q` is not looked at.
  std::vector<Row> ByCreation(bool descending, std::int64_t limit, std::int64_t offset,
                              const std::optional<ListCursor>& cursor);
  // How many match, counted up to `limit`; `q` is not looked at.
  std::int64_t Count(std::int64_t limit);
  // Of the newest `window` matches of everything but `q`: those that match it too, with their sort
  // keys.
  struct Keyed {
    std::int64_t id = 0;
    std::string key;
  };
  std::vector<Keyed> Window(JobSort sort, std::int64_t window);
  // Ids above `after` in ascending order: through the indexes, or by walking rows `after` < id <=
  // `upto`.
  std::vector<std::int64_t> IdsByIndex(std::int64_t after, int limit);
  std::vector<std::int64_t> IdsByWalk(std::int64_t after, std::int64_t upto, int limit);

 private:
  std::string Piece(std::string_view name, std::initializer_list<Param> params);
  std::string Around(std::string_view name, const std::string& inner,
                     std::initializer_list<Param> params);
  std::string Order(bool descending);
  std::string Conditions(bool with_parent);
  std::string Merge(const std::string& more, const std::string& order, std::int64_t branch_limit);
  std::string Pattern() const;

  Database& db_;
  const JobFilter& filter_;
  std::vector<Param> params_;
};

}  // namespace forager::store
