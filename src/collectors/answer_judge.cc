#include "collectors/answer_judge.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>

namespace forager::collectors {
namespace {

constexpr Millis kDay{24 * 3'600'000};
constexpr std::size_t kShortPage = 3000;  // a block page says little

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool AnyOf(std::string_view text, std::span<const std::string_view> phrases) {
  return std::ranges::any_of(
      phrases, [&](std::string_view phrase) { return text.find(phrase) != text.npos; });
}

FetchFailure Blocked(const Page& page, const std::string& why) {
  return {ErrorClass::kPermanent, page.url.text + " is blocked: " + why, {}, false};
}

bool Transient(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

bool HasPasswordField(const HtmlDocument& document) {
  bool found = false;
  WalkElements(document.root(), [&found](_xmlNode* node) {
    found |= ElementName(node) == "input" && Lower(Attribute(node, "type")) == "password";
    return !found;
  });
  return found;
}

}  // namespace

std::optional<Millis> ParseRetryAfter(const std::string& text, WallTime now) {
  if (text.empty()) return std::nullopt;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    if (text.size() > 9) return kDay;
    return std::min(kDay, Millis(std::stoll(text) * 1000));
  }
  const time_t date = curl_getdate(text.c_str(), nullptr);
  if (date == -1) return std::nullopt;
  const WallTime due{std::chrono::seconds(date)};
  return std::clamp(std::chrono::duration_cast<Millis>(due - now), Millis(0), kDay);
}

std::optional<FetchFailure> JudgeAnswer(const Page& page) {
  const std::string status = std::to_string(page.status);
  if (Transient(page.status)) {
    return FetchFailure{ErrorClass::kTransient,
                        page.url.text + " was not fetched: the server answered " + status +
                            (page.status == 429 ? " (too many requests)" : ""),
                        ParseRetryAfter(page.retry_after, page.fetched_at), false};
  }
  if (page.status == 403) return Blocked(page, "the server answered 403 (access denied)");
  if (page.status == 401 || page.status == 407)
    return Blocked(page, "the server asks for a login (" + status + ")");
  if (page.status < 200 || page.status >= 300) {
    return FetchFailure{ErrorClass::kPermanent,
                        page.url.text + " was not fetched: the server answered " + status,
                        {},
                        false};
  }
  const std::string type = Lower(page.content_type.substr(0, page.content_type.find(';')));
  const bool readable = type.empty() || type.find("html") != type.npos ||
                        type.find("json") != type.npos || type.find("xml") != type.npos ||
                        type.starts_with("text/");
  if (!readable) {
    return FetchFailure{ErrorClass::kPermanent,
                        page.url.text + " is not a web page but " + type.substr(0, 100),
                        {},
                        false};
  }
  return std::nullopt;
}

std::optional<FetchFailure> JudgeBody(const Page& page, const HtmlDocument& document) {
  constexpr std::array<std::string_view, 14> kChallenge = {
      "just a moment",        "attention required",
      "verify you are human", "verify that you are human",
      "are you a robot",      "are you human",
      "robot check",          "pardon our interruption",
      "security check",       "checking your browser",
      "unusual traffic",      "ddos protection",
      "human verification",   "captcha"};
  constexpr std::array<std::string_view, 5> kDenied = {
      "access denied", "access to this page has been denied", "you have been blocked",
      "request blocked", "403 forbidden"};
  constexpr std::array<std::string_view, 4> kLogin = {"log in", "login", "sign in", "signin"};
  const std::string text = Lower(document.VisibleText(kShortPage + 16));
  if (document.root() == nullptr || text.size() >= kShortPage) return std::nullopt;
  const std::string title = Lower(document.Title());
  const std::string start = text.substr(0, 400);
  if (AnyOf(title, kDenied) || AnyOf(start, kDenied))
    return Blocked(page, "it is an \"access denied\" page");
  if (AnyOf(title, kChallenge) || AnyOf(start, kChallenge))
    return Blocked(page, "it is a challenge page");
  if (HasPasswordField(document) &&
      (AnyOf(title, kLogin) || AnyOf(Lower(page.url.target), kLogin))) {
    return Blocked(page, "it is a login page");
  }
  return std::nullopt;
}

}  // namespace forager::collectors
