#include "collectors/robots.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "collectors/url.h"
#include "job/turn.h"

namespace forager::collectors {
namespace {

constexpr std::size_t kMaxLine = 16 * 1024;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lower(std::string_view text) {
  std::string out;
  for (char c : text) out += Lower(c);
  return out;
}

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\0'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The leading letters, "-" and "_": "Forager/0.1 (+url)" is "forager".
std::string ProductToken(std::string_view text) {
  std::string out;
  for (char c : text) {
    const char lower = Lower(c);
    if (!(lower >= 'a' && lower <= 'z') && c != '-' && c != '_') break;
    out += lower;
  }
  return out;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool Unreserved(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// One spelling of each octet: unreserved ones plain, what is not ASCII escaped, escapes in upper
// case.
std::string NormaliseOctets(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto octet = static_cast<unsigned char>(text[i]);
    bool escape = octet <= ' ' || octet >= 0x7f;
    if (octet == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
        HexValue(text[i + 2]) >= 0) {
      octet = static_cast<unsigned char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      escape = !Unreserved(octet);
      i += 2;
    }
    if (escape) {
      out += {'%', kDigits[octet >> 4], kDigits[octet & 15]};
    } else {
      out += static_cast<char>(octet);
    }
  }
  return out;
}

// `*` is any octets, a final `$` the end; otherwise a prefix is enough.
bool Matches(std::string_view pattern, std::string_view text) {
  const bool anchored = pattern.ends_with('$');
  if (anchored) pattern.remove_suffix(1);
  std::size_t p = 0, t = 0, star = pattern.npos, retry = 0;
  while (true) {
    if (p == pattern.size() && (!anchored || t == text.size())) return true;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && t < text.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != pattern.npos && retry < text.size()) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
}

enum class Key { kUserAgent, kAllow, kDisallow, kCrawlDelay, kOther };

// With the misspellings that site owners are known to write.
Key ParseKey(std::string_view name) {
  const std::string key = Lower(name);
  if (key == "user-agent" || key == "useragent" || key == "user agent") return Key::kUserAgent;
  if (key == "allow") return Key::kAllow;
  if (key == "crawl-delay" || key == "crawldelay") return Key::kCrawlDelay;
  constexpr std::array<std::string_view, 6> kDisallow = {"disallow", "dissallow", "dissalow",
                                                         "disalow",  "diasllow",  "disallaw"};
  return std::ranges::find(kDisallow, key) != kDisallow.end() ? Key::kDisallow : Key::kOther;
}

// Seconds, perhaps with a fraction; what comes after the number is not read.
Millis ParseCrawlDelay(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || !(seconds > 0)) return Millis{0};
  constexpr double kMost = static_cast<double>(kLongestHostInterval.count());
  return Millis{static_cast<std::int64_t>(std::ceil(std::min(seconds * 1'000, kMost)))};
}

struct Line {
  Key key = Key::kOther;
  std::string_view value;
};

Line ParseLine(std::string_view line) {
  line = Trim(line.substr(0, line.find('#')));
  auto separator = line.find(':');
  if (separator == line.npos) {  // "Disallow /": the colon forgotten, and exactly two words
    separator = line.find_first_of(" \t");
    if (separator == line.npos || Trim(line.substr(separator)).find_first_of(" \t") != line.npos)
      return {};
  }
  return {ParseKey(Trim(line.substr(0, separator))), Trim(line.substr(separator + 1))};
}

}  // namespace

Robots Robots::Parse(std::string_view text, std::string_view user_agent) {
  const std::string token = ProductToken(user_agent);
  std::vector<Rule> own, everybody;
  Millis own_delay{0}, everybodys_delay{0};  // the longest, of groups that are merged
  bool in_own = false, in_everybody = false, own_seen = false, rules_seen = true;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  text = text.substr(0, kMaxRobotsBytes);
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    const Line line = ParseLine(text.substr(0, std::min(end, kMaxLine)));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (line.key == Key::kUserAgent) {
      if (rules_seen) in_own = in_everybody = rules_seen = false;  // a new group begins
      const bool star = line.value.starts_with('*') &&
                        (line.value.size() == 1 || line.value[1] == ' ' || line.value[1] == '\t');
      in_everybody |= star;
      if (!star && !token.empty() && ProductToken(line.value) == token) in_own = own_seen = true;
    } else if (line.key == Key::kCrawlDelay) {  // is no rule: it ends no list of user agents
      const Millis delay = ParseCrawlDelay(line.value);
      if (in_own) own_delay = std::max(own_delay, delay);
      if (in_everybody) everybodys_delay = std::max(everybodys_delay, delay);
    } else if (line.key != Key::kOther) {
      rules_seen = true;
      if (line.value.empty()) continue;
      const Rule rule{line.key == Key::kAllow, NormaliseOctets(line.value)};
      if (in_own) own.push_back(rule);
      if (in_everybody) everybody.push_back(rule);
    }
  }
  Robots robots;
  robots.rules_ = own_seen ? std::move(own) : std::move(everybody);
  robots.crawl_delay_ = own_seen ? own_delay : everybodys_delay;
  return robots;
}

bool Robots::Allows(std::string_view target) const {
  const std::string path = NormaliseOctets(target.empty() ? "/" : target);
  if (path == "/robots.txt") return true;
  const Rule* best = nullptr;
  for (const Rule& rule : rules_) {
    if (!Matches(rule.pattern, path)) continue;
    if (best == nullptr || rule.pattern.size() > best->pattern.size() ||
        (rule.pattern.size() == best->pattern.size() && rule.allow)) {
      best = &rule;
    }
  }
  return best == nullptr || best->allow;
}

Result<bool> RobotsAllow(std::string_view robots_txt, std::string_view user_agent,
                         std::string_view url) {
  const auto parsed = ParseUrl(url);
  if (!parsed) return std::unexpected(parsed.error());
  return Robots::Parse(robots_txt, user_agent).Allows(parsed->target);
}

}  // namespace forager::collectors
