#include "job/plain_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace forager {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMark = "\xEF\xBB\xBF";
constexpr const char* kHidden = "...";

bool IsPort(std::string_view text) {
  return text.size() <= 5 && text.find_first_not_of("0123456789") == text.npos;
}

// Where the secret of the authority at `begin` lies; both are the same when there is none.
std::pair<std::size_t, std::size_t> SecretOfAuthority(std::string_view text, std::size_t begin,
                                                      bool web) {
  std::size_t space = std::min(text.find_first_of(" \t\r\n\"'<>", begin), text.size());
  std::size_t end = std::min(text.find_first_of("/?#", begin), space);
  std::size_t at = text.substr(0, end).rfind('@');
  std::size_t colon = std::min(text.find(':', begin), end);
  // A password with a "/" in it, as people write them: rather too much is hidden than too little.
  bool named = colon < end && text[begin] != '[' &&
               !IsPort(text.substr(colon + 1, end - colon - 1));
  if (named) {
    std::size_t query = std::min(text.find_first_of("?#", begin), space);
    at = text.substr(0, query).rfind('@');
  }
  if (at == text.npos || at < begin) return {begin, begin};
  if (colon < at) return {colon + 1, at};
  return {begin, web ? at : begin};
}

void HideParameter(std::string& text, std::string_view key) {
  for (auto found = text.find(key); found != text.npos; found = text.find(key, found)) {
    found += key.size();
    bool quoted = text.substr(found).starts_with('\'');
    auto stop = quoted ? text.find('\'', found + 1) + 1 : text.find_first_of("&#; \t\r\n", found);
    stop = quoted && stop == 0 ? text.size() : std::min(stop, text.size());
    text.replace(found, stop - found, kHidden);
  }
}

// What was meant to be a URL: `bob:pw@host`, `smtp:/bob:pw@host`. The rest of the word after its
// first colon that no slash follows, up to its last @.
std::string WithoutLonePassword(std::string_view word) {
  std::size_t colon = word.find(':');
  while (colon != word.npos && word.substr(colon + 1).starts_with('/'))
    colon = word.find(':', colon + 1);
  std::size_t at = word.rfind('@');
  if (word.find("://") != word.npos || colon == word.npos || at == word.npos || at < colon)
    return std::string(word);
  return fmt::format("{}{}{}", word.substr(0, colon + 1), kHidden, word.substr(at));
}

std::string WithoutLonePasswords(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>"), text.size());
    shown += WithoutLonePassword(text.substr(0, end));
    shown += text.substr(end, 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown;
}

}  // namespace

Result<std::string> PlainText(std::string text, std::string_view file) {
  bool wide = text.starts_with("\xFF\xFE"sv) || text.starts_with("\xFE\xFF"sv) ||
              text.starts_with("\0\0\xFE\xFF"sv);
  if (wide) {
    return Fail(ErrorCode::kInvalid,
                fmt::format("{} is UTF-16 or UTF-32 text: save it as UTF-8", file));
  }
  if (text.starts_with(kMark)) text.erase(0, kMark.size());
  return text;
}

std::string OneValue(std::string_view text) {
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return std::string(text);
}

std::string WithoutSecrets(std::string_view given) {
  std::string text = WithoutLonePasswords(given);
  constexpr std::string_view kAuthority = "://";
  bool url = false;
  for (auto at = text.find(kAuthority); at != text.npos; at = text.find(kAuthority, at)) {
    url = true;
    bool web = text.substr(0, at).ends_with("http") || text.substr(0, at).ends_with("https");
    at += kAuthority.size();
    auto [begin, end] = SecretOfAuthority(text, at, web);
    if (begin < end) text.replace(begin, end - begin, kHidden);
  }
  for (std::string_view key : {"password="sv, "passwd="sv}) HideParameter(text, key);
  if (!url) return text;
  for (std::string_view key : {"token="sv, "api_key="sv, "apikey="sv, "secret="sv})
    HideParameter(text, key);
  return text;
}

}  // namespace forager
