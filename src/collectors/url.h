// Web addresses: read as browsers read them, written in one normal form. Used by the fetcher,
// robots.txt and `forager url normalise`. Pure: never resolves a name, never touches the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "job/error.h"

namespace forager::collectors {

struct Url {
  std::string text;    // normalised; without fragment, user name and password
  std::string scheme;  // "http" or "https"
  std::string host;  // lower case, punycode; IPv6 without brackets; odd IPv4 forms as four numbers
  std::uint16_t port = 0;
  std::string target;  // path and query, begins with "/"
  bool had_credentials = false;

  bool DefaultPort() const { return port == (scheme == "https" ? 443 : 80); }
  std::string Authority() const;  // host[:port], the port only when it is not the default
  std::string Origin() const;     // scheme://host[:port]
};

// An http or https URL of at most 8 KiB. The error is one sentence with the reason.
Result<Url> ParseUrl(std::string_view text);
// A link or a Location header, seen from `base`. Nothing for other schemes and for nonsense.
std::optional<Url> ResolveUrl(const Url& base, std::string_view reference);
// The form under which two spellings of one page are equal: also without tracking parameters.
Result<std::string> NormaliseUrl(std::string_view text);

}  // namespace forager::collectors
