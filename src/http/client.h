// A small blocking HTTP client: one request, one answer, or a stream of pieces as they come
// (events, a followed log). For the command line client and the tests. Takes no proxy from the
// environment, follows no redirect.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "http/server.h"
#include "job/error.h"

namespace forager::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url{};
  Headers headers{};
  std::string body{};
  std::chrono::milliseconds timeout{30'000};  // for all of it; 0: none, for streams
  std::size_t max_body_bytes = 64 * 1024 * 1024;
  // Set: a successful answer's body goes here instead, piece by piece; false ends the request.
  std::function<bool(std::string_view)> on_piece{};
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::string_view Header(std::string_view name) const;
};

// An error when there is no whole answer, in words for a person; any status is an answer.
Result<ClientResponse> Fetch(const ClientRequest& request);

std::string PercentEncode(std::string_view text);  // for a path segment or a query value

}  // namespace forager::http
