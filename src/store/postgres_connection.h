// A libpq connection with deadlines: what the driver and the bulletin share. Never blocks longer
// than it is told; a wait that is over makes the connection unusable.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "job/time.h"
#include "store/database.h"

struct pg_conn;
struct pg_result;

namespace forager::store {

struct PgResultClear {
  void operator()(pg_result* result) const;
};
using PgResult = std::unique_ptr<pg_result, PgResultClear>;

class PostgresConnection {
 public:
  // Connects, to a server that can be written. Throws DatabaseError.
  explicit PostgresConnection(const std::string& url);
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;
  ~PostgresConnection();

  pg_conn* get() const { return connection_; }
  bool good() const;
  // What was queued is sent, and the next result taken; null between the results of two commands.
  PgResult Next(std::chrono::steady_clock::time_point deadline);
  // Throws kLost with the connection's own words; it cannot be used any more.
  [[noreturn]] void Lose(const std::string& why);

 private:
  void Await(std::chrono::steady_clock::time_point deadline);

  pg_conn* connection_ = nullptr;
  bool lost_ = false;
};

// What a failed result means to the caller.
DatabaseError ToDatabaseError(const pg_result* result, std::string_view statement);

}  // namespace forager::store
