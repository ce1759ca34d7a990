// Who asks: tokens, dashboard sessions, or everybody as admin with --auth off. Keeps what it has
// seen for two seconds, so that a burst of requests does not read the same token again and again.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "api/call.h"

namespace forager::api {

inline constexpr std::string_view kSessionCookie = "forager_session";
std::optional<Role> ParseRole(std::string_view name);  // metrics, viewer, operator, admin
std::string TokenKey(std::int64_t id);                 // Caller::key of a token

class Access {
 public:
  // Calls `done` once, perhaps before returning. Errors: kUnauthorized, kUnavailable.
  void Authenticate(const CallPtr& call, std::function<void(Result<Caller>)> done);
  // Something was revoked: ask the store again.
  void Forget();

 private:
  struct Known {
    Caller caller;
    os::Steady until;
  };
  std::optional<Caller> Recall(const std::string& hash, os::Steady now);
  void Remember(const std::string& hash, const Caller& caller, os::Steady now,
                std::uint64_t generation);

  std::mutex mutex_;
  std::uint64_t generation_ = 0;
  std::unordered_map<std::string, Known> known_;
};

// A role great enough, and for browsers the proof that the page asking is ours.
std::optional<Error> Authorize(const Call& call, Role needed);

}  // namespace forager::api
