// The HTTP API: parses requests, calls the store, words the answers. Never touches a process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/control.h"
#include "api/event_hub.h"
#include "api/job_waiters.h"
#include "http/server.h"
#include "os/clock.h"
#include "store/store_service.h"

namespace forager::api {

struct ApiOptions {
  bool auth = true;
  std::vector<std::string> allowed_hosts;  // besides loopback and the listen address
  std::string listen_host;
  std::string public_url;
  std::string base_path;  // of public_url: "" or "/forager"
  std::string version;
  bool secure = false;                         // HTTPS: cookies are for it alone
  bool metrics_on_loopback = false;            // /metrics needs no token from this machine
  std::vector<std::string> trusted_proxies{};  // whose X-Forwarded-For is believed
  // Answers paths that are no route here, to anybody; none: there is nothing there either.
  std::function<std::optional<http::Response>(const http::Request&)> pages{};
};

struct Api {
  http::Handler handler;
  http::Admit admit;  // who may not ask is told before the body of the request is read
  // To be called every second or so, from any thread: ends the event streams of tokens and sessions
  // that are over, on whichever server they ended, and writes when tokens were last used.
  std::function<void()> tick;
};
// For http::Server. The references must outlive it and every request it has taken.
Api MakeApi(ApiOptions options, store::StoreService& store, Control& control, EventHub& events,
            JobWaiters& waiters, const os::Clock& clock);

// Bytes a body may have on this route.
std::size_t BodyLimit(std::string_view method, std::string_view path);
// A problem+json answer (RFC 9457).
http::Response Problem(int status, const std::string& detail);

// New random secrets and the hash under which the store keeps them.
std::string MakeSecret(std::string_view prefix);
std::string HashSecret(std::string_view secret);

}  // namespace forager::api
