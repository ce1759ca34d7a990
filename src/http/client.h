// A small blocking HTTP client: one request, one answer, or a stream of pieces as they come
// (events, a followed log). For the command line client and the tests. Takes no proxy from the
// environment, follows no redirect.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "job/error.h"

namespace forager::http {

// Something else to look at while a request waits: a signal, a keyboard.
struct Attention {
  int fd = -1;
  std::function<bool()> readable;  // false ends the request
};

struct ClientRequest {
  std::string method = "GET";
  std::string url{};
  Headers headers{};
  std::string body{};
  std::chrono::milliseconds timeout{30'000};  // for all of it; 0: none, for streams
  // For https: authorities to trust instead of the system's (PEM), or the one public key to trust
  // whoever vouches for it ("sha256//BASE64", see TlsContext).
  std::string ca_file{};
  std::string public_key_pin{};
  std::size_t max_body_bytes = 64 * 1024 * 1024;
  // Set: a successful answer's body goes here instead, piece by piece; false ends the request.
  std::function<bool(std::string_view)> on_piece{};
  // All on the caller's thread, between pieces. A request ended so is an answer with what came.
  std::vector<Attention> attention{};
  std::function<bool()> tick{};  // at least every `tick_interval`; false ends the request
  std::chrono::milliseconds tick_interval{1'000};
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  bool interrupted = false;  // ended by an attention or a tick
  std::string_view Header(std::string_view name) const;
};

// An error when there is no whole answer, in words for a person; any status is an answer.
Result<ClientResponse> Fetch(const ClientRequest& request);

std::string PercentEncode(std::string_view text);  // for a path segment or a query value

}  // namespace forager::http
