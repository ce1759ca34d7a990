// The code that does a job. It runs in a process of its own, says what it finds through Sink, and
// returns its result; it may also hang, crash or be killed at any moment: that is the supervisor's
// business.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "collectors/turns.h"
#include "job/event.h"
#include "job/job.h"

namespace forager::collectors {

struct Context {
  const Job& job;
  const std::map<std::string, std::string>&
      settings;                           // user_agent, allow_private_hosts (comma separated) ...
  std::function<void(const Event&)> say;  // one event; also the heartbeat
  TakeTurn turn;                          // to be taken before each request to a host
};

using Collector = ResultEvent (*)(const Context&);

// Makes ready once what every run needs (curl, TLS, the parser), before processes are forked for
// the runs.
void PrepareCollectors();

// "web", "selftest"; null for a name nobody has.
Collector FindCollector(const std::string& name);

ResultEvent CollectWeb(const Context& context);
ResultEvent CollectSelfTest(const Context& context);

}  // namespace forager::collectors
