// A fetch as a guest: robots.txt of every host on the way is asked first, and every request, also
// that for robots.txt and each redirect, waits for its turn at the host. One object per attempt; it
// remembers each host's answer and how long it takes. Used by the web collector and `forager extract`.
#pragma once

#include <map>
#include <string>

#include "collectors/page_fetcher.h"
#include "collectors/robots.h"
#include "collectors/turns.h"

namespace forager::collectors {

class PoliteFetcher {
 public:
  PoliteFetcher(FetcherOptions options, TakeTurn turn);

  // Reads the host's robots.txt, if that is not done yet: the reason not to fetch, or nothing.
  std::optional<FetchFailure> Ask(const Url& url);
  // A page the host's robots.txt disallows is a permanent failure; one whose robots.txt cannot be
  // read (5xx, no connection) a transient one.
  std::expected<Page, FetchFailure> Fetch(const Url& url);

 private:
  std::expected<Robots, FetchFailure> ReadRobots(const Url& url);
  std::optional<FetchFailure> WaitForTurn(const Url& url);
  std::expected<Page, FetchFailure> Send(const FetchRequest& request);
  void NoteAnswer();

  PageFetcher fetcher_;
  TakeTurn turn_;
  std::map<std::string, Robots> known_;        // by origin
  std::map<std::string, Millis> answer_time_;  // smoothed, by host[:port]
  struct Sent {
    std::string host;
    os::Steady at;
  };
  std::optional<Sent> sent_;  // not yet answered
};

// user_agent and allow_private_hosts of a Context's settings.
FetcherOptions OptionsFrom(const std::map<std::string, std::string>& settings);

}  // namespace forager::collectors
