// Writes alerts and the messages about them, inside a transaction of the caller's: an event and
// what is told of it are stored together or not at all.
#pragma once

#include <string>

#include "alerts/config.h"
#include "store/store.h"

namespace forager::alerts {

// Who speaks.
struct Origin {
  std::string node;
  std::string url;
};

struct Finding {
  std::string subject;
  std::string summary;
  std::string detail;
};

std::string KeyOf(const Rule& rule, const std::string& subject);
store::AlertNotice NoticeOf(const Rule& rule, const Finding& finding);
// The JSON object that receivers get.
std::string WriteBody(const store::Alert& alert, std::string_view event, const Origin& origin);

// Opens the alert and queues its messages; when it is open already, perhaps a reminder.
Result<void> Raise(store::Store& store, const Config& config, const Rule& rule,
                   const Finding& finding, const Origin& origin, WallTime now);
// Closes it, if it is open, and tells those who were told. `rule` null: nobody is.
Result<void> Resolve(store::Store& store, const Config& config, const Rule* rule,
                     const std::string& key, const Origin& origin, WallTime now);
// A message that only tries a receiver; its id.
Result<std::int64_t> QueueTest(store::Store& store, const std::string& receiver,
                               const Origin& origin, WallTime now);

}  // namespace forager::alerts
