// robots.txt after RFC 9309: parsed for one product token, then asked per path. Also behind
// `forager robots check`. Pure: fetching the file and what its absence means is the collector's
// part.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "job/error.h"
#include "job/time.h"

namespace forager::collectors {

inline constexpr std::size_t kMaxRobotsBytes = 512 * 1024;  // what comes after is not read

class Robots {
 public:
  // `user_agent` is a product token or a whole User-Agent header; its token counts. Never fails:
  // what is no rule is skipped.
  static Robots Parse(std::string_view text, std::string_view user_agent);

  // `target`: path and query. The longest matching rule wins, allow on a tie.
  bool Allows(std::string_view target) const;
  // Not of the RFC, but meant: how far apart requests are to be. At most kLongestHostInterval; 0 when
  // nothing is said.
  Millis crawl_delay() const { return crawl_delay_; }

 private:
  struct Rule {
    bool allow = false;
    std::string pattern;
  };
  std::vector<Rule> rules_;
  Millis crawl_delay_{0};
};

// The answer for a URL, as `forager robots check ROBOTS_FILE USER_AGENT URL` gives it.
Result<bool> RobotsAllow(std::string_view robots_txt, std::string_view user_agent,
                         std::string_view url);

}  // namespace forager::collectors
