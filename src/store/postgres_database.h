// The PostgreSQL driver: one connection that sends statements in pipelines, so that those whose
// answer nobody waits for cost no round trip. Every wait has a deadline of its own: a database that
// is stopped, or behind a cut cable, is a lost connection. Nothing outlives a transaction but
// prepared statements, and those only where no pooler forgets them.
#pragma once

#include <memory>
#include <string>

#include "job/time.h"
#include "store/database.h"

namespace forager::store {

struct PostgresOptions {
  std::string url;                // postgres://..., as libpq reads it
  Millis statement_limit{5'000};  // of one statement
  Millis lock_limit{4'000};       // of waiting for a row that another program holds
};

class PostgresDatabase : public Database {
 public:
  // Throws DatabaseError.
  static std::unique_ptr<PostgresDatabase> Open(const PostgresOptions& options);

  // Several statements without parameters, in the transaction that is open.
  virtual void Run(const std::string& sql) = 0;
};

}  // namespace forager::store
