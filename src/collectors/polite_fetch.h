// A fetch as a guest: robots.txt of every host on the way is asked first. One object per attempt;
// it remembers each host's answer. Used by the web collector and `forager extract`.
#pragma once

#include <map>
#include <string>

#include "collectors/page_fetcher.h"
#include "collectors/robots.h"

namespace forager::collectors {

class PoliteFetcher {
 public:
  explicit PoliteFetcher(FetcherOptions options);

  // Reads the host's robots.txt, if that is not done yet: the reason not to fetch, or nothing.
  std::optional<FetchFailure> Ask(const Url& url);
  // A page the host's robots.txt disallows is a permanent failure; one whose robots.txt cannot be
  // read (5xx, no connection) a transient one.
  std::expected<Page, FetchFailure> Fetch(const Url& url);

 private:
  std::expected<Robots, FetchFailure> ReadRobots(const Url& url);

  PageFetcher fetcher_;
  std::map<std::string, Robots> known_;  // by origin
};

// user_agent and allow_private_hosts of a Context's settings.
FetcherOptions OptionsFrom(const std::map<std::string, std::string>& settings);

}  // namespace forager::collectors
