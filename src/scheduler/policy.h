// What the configuration says of dispatch, in one value that is replaced when the file is read
// again.
#pragma once

#include <memory>
#include <string>

#include "job/type_catalog.h"
#include "store/store.h"

namespace forager::scheduler {

struct Policy {
  std::string node;
  bool shared = false;  // other servers may have the same database
  int capacity = 0;     // attempts on this node; 0: no limit of its own
  bool automatic = false;
  int max_running = 1;
  int max_running_per_host = 0;
  Millis lease{15'000};
  std::shared_ptr<const TypeCatalog> types;

  store::ClaimLimits Limits() const {
    store::ClaimLimits limits{max_running, max_running_per_host, {}};
    for (const auto& [name, type] : types->types()) {
      if (type.max_running > 0) limits.per_type[name] = type.max_running;
    }
    return limits;
  }
  Millis TimeoutOf(const Job& job) const {
    return job.timeout.value_or(types->Get(job.entity_type).timeout);
  }
  Millis TimeoutOf(const store::RunningJob& running) const {
    return running.timeout.value_or(types->Get(running.entity_type).timeout);
  }
};

}  // namespace forager::scheduler
