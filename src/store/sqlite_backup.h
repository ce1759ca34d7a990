// Copies of a SQLite database as one file that is proven good: made while a server writes, put back
// while none runs. For `forager backup` and `forager restore`; a server never calls it.
#pragma once

#include <cstdint>
#include <string>

#include "job/error.h"

namespace forager::store {

struct CopyFacts {
  std::int64_t jobs = 0;
  int schema_version = 0;
  std::uint64_t bytes = 0;
};

// One moment of `database`, as `file`: all of it on the disk and checked, or nothing. Writers are
// not held up; the log grows while it is copied. `replace`: an older `file` gives way.
Result<CopyFacts> BackUpSqlite(const std::string& database, const std::string& file, bool replace);

// Checks a copy of `file`, then puts it in the place of `database`. What was there is kept as
// `kept_as`. The caller sees to it that no server runs.
Result<CopyFacts> RestoreSqlite(const std::string& file, const std::string& database,
                                const std::string& kept_as);

}  // namespace forager::store
