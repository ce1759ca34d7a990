#include "collectors/polite_fetch.h"

#include <algorithm>

#include "collectors/answer_judge.h"

namespace forager::collectors {
namespace {

constexpr std::string_view kProductToken = "forager";

}  // namespace

PoliteFetcher::PoliteFetcher(FetcherOptions options) : fetcher_(std::move(options)) {}

std::expected<Page, FetchFailure> PoliteFetcher::Fetch(const Url& url) {
  FetchRequest request{.url = url};
  request.permit = [this](const Url& hop) { return Ask(hop); };
  return fetcher_.Fetch(request);
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
  auto page = fetcher_.Fetch(request);
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
