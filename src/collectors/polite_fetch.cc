#include "collectors/polite_fetch.h"

#include <algorithm>

#include "collectors/answer_judge.h"
#include "job/turn.h"

namespace forager::collectors {
namespace {

constexpr std::string_view kProductToken = "forager";

}  // namespace

PoliteFetcher::PoliteFetcher(FetcherOptions options, TakeTurn turn)
    : fetcher_(std::move(options)), turn_(std::move(turn)) {}

std::expected<Page, FetchFailure> PoliteFetcher::Fetch(const Url& url) {
  FetchRequest request{.url = url};
  request.permit = [this](const Url& hop) {
    NoteAnswer();
    auto refusal = Ask(hop);
    return refusal ? std::move(refusal) : WaitForTurn(hop);
  };
  return Send(request);
}

std::expected<Page, FetchFailure> PoliteFetcher::Send(const FetchRequest& request) {
  auto page = fetcher_.Fetch(request);
  NoteAnswer();
  return page;
}

// A host that answers slowly is asked less often: not before the time has passed that it takes.
std::optional<FetchFailure> PoliteFetcher::WaitForTurn(const Url& url) {
  NoteAnswer();
  const std::string host = url.Authority();
  TurnWish wish{host, Millis{0}};
  if (const auto time = answer_time_.find(host); time != answer_time_.end())
    wish.interval = time->second;
  if (const auto robots = known_.find(url.Origin()); robots != known_.end())
    wish.interval = std::max(wish.interval, robots->second.crawl_delay());
  if (auto none = turn_(wish)) {
    return FetchFailure{ErrorClass::kTransient, url.text + " was not fetched: " + none->why,
                        none->retry_after, false};
  }
  sent_ = Sent{host, os::SystemClock().SteadyNow()};
  return std::nullopt;
}

void PoliteFetcher::NoteAnswer() {
  if (!sent_) return;
  const auto took = std::chrono::ceil<Millis>(os::SystemClock().SteadyNow() - sent_->at);
  const Millis time = std::clamp(took, Millis{1}, kLongestHostInterval);
  const auto [known, first] = answer_time_.try_emplace(sent_->host, time);
  if (!first) known->second = (3 * known->second + time) / 4;
  sent_.reset();
}

std::optional<FetchFailure> PoliteFetcher::Ask(const Url& url) {
  auto known = known_.find(url.Origin());
  if (known == known_.end()) {
    auto robots = ReadRobots(url);
    if (!robots) return std::move(robots.error());
    known = known_.emplace(url.Origin(), *std::move(robots)).first;
  }
  if (known->second.Allows(url.target)) return std::nullopt;
  return FetchFailure{ErrorClass::kPermanent,
                      url.text + " was not fetched: disallowed by robots.txt of " + url.Authority(),
                      {},
                      false};
}

std::expected<Robots, FetchFailure> PoliteFetcher::ReadRobots(const Url& url) {
  const auto robots_url = ParseUrl(url.Origin() + "/robots.txt");
  if (!robots_url) {
    return std::unexpected(
        FetchFailure{ErrorClass::kPermanent, url.text + " has no valid host", {}, false});
  }
  FetchRequest request{.url = *robots_url, .accept = "text/plain,*/*;q=0.5"};
  request.max_redirects = 5;
  request.cut_body = kMaxRobotsBytes;
  request.permit = [this](const Url& hop) { return WaitForTurn(hop); };
  auto page = Send(request);
  if (!page) {
    if (page.error().too_many_redirects) return Robots();
    FetchFailure failure = std::move(page.error());
    // The reason is the host's; it is the page that was wanted.
    if (failure.message.starts_with(robots_url->text))
      failure.message.replace(0, robots_url->text.size(), url.text);
    return std::unexpected(std::move(failure));
  }
  if (page->status >= 500) {
    return std::unexpected(FetchFailure{
        ErrorClass::kTransient,
        url.text + " was not fetched: robots.txt of " + url.Authority() +
            " could not be read (the server answered " + std::to_string(page->status) + ")",
        ParseRetryAfter(page->retry_after, page->fetched_at), false});
  }
  if (page->status < 200 || page->status >= 300) return Robots();
  return Robots::Parse(page->body, kProductToken);
}

FetcherOptions OptionsFrom(const std::map<std::string, std::string>& settings) {
  FetcherOptions options;
  if (const auto agent = settings.find("user_agent");
      agent != settings.end() && !agent->second.empty()) {
    options.user_agent = agent->second;
  }
  const auto hosts = settings.find("allow_private_hosts");
  std::string_view list =
      hosts == settings.end() ? std::string_view() : std::string_view(hosts->second);
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, end);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) options.allow_private_hosts.emplace_back(one);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return options;
}

}  // namespace forager::collectors
