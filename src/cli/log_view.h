// A job's log, page by page and without a line lost or doubled while it grows.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/client.h"

namespace forager::cli {

struct LogOptions {
  std::string job_id, level, stage;
  std::int64_t attempt = 0;  // 0: all
  std::int64_t tail = -1;    // the last so many; -1: all
  bool timestamps = false;
};

class LogReader {
 public:
  LogReader(Client& client, const LogOptions& options) : client_(client), options_(options) {}
  // Prints what is new.
  Result<void> Pull(const std::function<void()>& before_first_line = {});

 private:
  void Print(const boost::json::value& line);
  std::string Path(std::int64_t offset, std::int64_t limit) const;

  Client& client_;
  const LogOptions options_;
  std::int64_t seen_ = 0, last_id_ = -1, attempt_ = -1;
  bool begun_ = false;
};

}  // namespace forager::cli
