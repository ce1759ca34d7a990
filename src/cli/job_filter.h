// The options that choose jobs: of `jobs list`, and of the commands that act on many.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "cli/client.h"

namespace CLI {
class App;
}

namespace forager::cli {

struct JobFilter {
  std::string status, entity_type, job_type, text, parent, since, before;

  bool empty() const;
  void AddTo(CLI::App& command);
  // As query parameters, or as the "filter" of a bulk request; a wrong time is an error.
  Result<Query> AsQuery(WallTime now) const;
  Result<boost::json::object> AsBody(WallTime now) const;
};

// "2h" and "3d" ago, 2026-11-23, or RFC 3339. `future`: "2h" is in two hours.
Result<WallTime> ParseMoment(std::string_view text, WallTime now, bool future = false);

}  // namespace forager::cli
