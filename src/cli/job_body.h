// The options that describe a job to be made: of `jobs create`, `jobs run` and `schedules create`.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "job/error.h"

namespace CLI {
class App;
}

namespace forager::cli {

struct JobBody {
  std::string entity_type, job_type, query, url, entity_id, location, community_id, builder_id,
      unique_key;
  std::vector<std::string> filters;  // KEY=VALUE
  std::optional<int> priority, max_attempts;
  std::optional<double> timeout_minutes;

  void AddTo(CLI::App& command);
  bool Complete() const { return !entity_type.empty() && !job_type.empty(); }
  // The create body of the API.
  Result<boost::json::object> Read() const;
};

}  // namespace forager::cli
