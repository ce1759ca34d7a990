// Alerts and the messages that tell of them, as the store keeps them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "job/time.h"

namespace forager::store {

// What is wrong, to be told. `key` names it: one alert of a key is open at a time.
struct AlertNotice {
  std::string key;
  std::string rule;      // its name in the configuration
  std::string kind;      // "job_stuck", "disk_low" ...
  std::string subject;   // what it is about: a type, a node, or ""
  std::string severity;  // "warning", "critical"
  std::string summary;
  std::string detail;
};

struct Alert {
  std::int64_t id = 0;
  AlertNotice notice;
  std::int64_t occurrences = 1;
  WallTime started_at{};
  WallTime last_seen_at{};
  std::optional<WallTime> resolved_at;
};

struct RaisedAlert {
  Alert alert;
  bool fresh = false;       // it was not open before
  WallTime last_told_at{};  // when somebody was told of it last
};

struct NewAlertMessage {
  std::optional<std::int64_t> alert_id;  // none: a test
  std::string receiver;
  std::string event;  // "firing", "reminder", "resolved", "test"
  std::string body;   // JSON
  WallTime not_before{};
};

struct AlertMessage {
  std::int64_t id = 0;
  std::optional<std::int64_t> alert_id;
  std::string receiver, event, body;
  std::string state;  // "waiting", "delivered", "given_up", "dropped"
  WallTime created_at{}, not_before{};
  int tries = 0;
  std::optional<std::string> last_error;
  std::optional<WallTime> done_at;
};

}  // namespace forager::store
