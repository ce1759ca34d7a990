// Fetches one page over http or https, politely and safely: bounded in time, size and redirects,
// and only from public addresses. The address is checked after the name is resolved and again where
// the socket is opened. Called by the web collector; never parses a body, never retries.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectors/name_lookup.h"
#include "collectors/url.h"
#include "job/error_class.h"
#include "job/time.h"

namespace forager::collectors {

struct FetchLimits {
  Millis connect_timeout{10'000};
  Millis timeout{30'000};           // of one fetch with its redirects
  Millis low_speed_window{10'000};  // at least low_speed_bytes in each, once the answer has begun
  std::int64_t low_speed_bytes = 1024;
  Millis tick{250};  // how often the loop looks up while nothing arrives
  std::size_t max_header_bytes = 256 * 1024;
  std::size_t max_body_bytes = 10 * 1024 * 1024;  // after decompression
  std::int64_t max_ratio = 100;                   // decompressed to received, above 1 MiB
  int max_redirects = 10;
};

struct FetchFailure {
  ErrorClass error_class = ErrorClass::kPermanent;
  std::string message;  // one sentence that begins with the URL
  std::optional<Millis> retry_after;
  bool too_many_redirects = false;
};

struct FetcherOptions {
  std::string user_agent = "forager/0.1";
  std::vector<std::string> allow_private_hosts;  // "host" or "host:port", as in the URL
  FetchLimits limits;
  Resolver resolve = LookUp;
  // Called at least every tick while a fetch is under way, with the bytes received since its start.
  std::function<void(std::int64_t bytes)> alive = [](std::int64_t) {};
};

struct Page {
  Url url;  // of the answer, after redirects
  int status = 0;
  std::string content_type;  // as sent
  std::string retry_after;   // as sent
  std::string body;          // decompressed
  WallTime fetched_at{};
  bool cut = false;  // only with FetchRequest::cut_body
};

struct FetchRequest {
  Url url;
  std::string accept = "text/html,application/xhtml+xml,application/ld+json;q=0.9,*/*;q=0.5";
  std::optional<int> max_redirects{};
  std::optional<std::size_t> cut_body{};  // take this much, drop the rest, and call it good
  // Asked before every request, redirects too; a failure ends the fetch.
  std::function<std::optional<FetchFailure>(const Url&)> permit{};
};

class PageFetcher {
 public:
  explicit PageFetcher(FetcherOptions options);
  ~PageFetcher();
  PageFetcher(const PageFetcher&) = delete;
  PageFetcher& operator=(const PageFetcher&) = delete;

  // Any HTTP answer is a Page, whatever its status.
  std::expected<Page, FetchFailure> Fetch(const FetchRequest& request);

 private:
  struct Transfer;
  std::expected<std::vector<Address>, FetchFailure> CheckedAddresses(const Url& url,
                                                                     Millis timeout);
  bool Listed(const Url& url) const;
  std::optional<FetchFailure> Perform(Transfer& transfer);
  std::optional<FetchFailure> RunLoop(const Transfer& transfer);
  void Prepare(Transfer& transfer);

  FetcherOptions options_;
  void* easy_;  // curl's handles: connections and cookies live as long as the fetcher
  void* multi_;
};

}  // namespace forager::collectors
