// Who asks: tokens, dashboard sessions, or everybody as admin with --auth off. Keeps what it has
// seen for two seconds, so that a burst of requests does not read the same token again and again,
// and what was wrong for longer: a secret is random, so what is unknown stays so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/call.h"
#include "api/guesses.h"

namespace forager::api {

inline constexpr std::string_view kSessionCookie = "forager_session";
std::optional<Role> ParseRole(std::string_view name);  // metrics, viewer, operator, admin
std::string TokenKey(std::int64_t id);                 // Caller::key of a token
std::string SessionKey(const std::string& hash);       // and of a session
// 429, with Retry-After.
http::Response TooManyGuesses();

class Access {
 public:
  // Calls `done`, perhaps before returning; or answers the call: 401, 429 or 503.
  void Authenticate(const CallPtr& call, std::function<void(Caller)> done);
  // Something was revoked: ask the store again.
  void Forget();
  Guesses& guesses() { return guesses_; }

  // Uses of tokens that are to be written now, each token once a minute at most; and back, when
  // that failed.
  std::vector<store::TokenUse> TakeUses(os::Steady now);
  void PutBack(const std::vector<store::TokenUse>& uses);

 private:
  using Credential = store::Credential;
  struct Known {
    Caller caller;
    os::Steady until;
  };
  struct Use {
    WallTime at{};
    bool written = false;
    std::optional<os::Steady> written_at;
  };
  std::optional<Caller> Recall(const Credential& shown, os::Steady now, WallTime wall);
  void Remember(const Credential& shown, const Caller& caller, os::Steady now, WallTime wall,
                std::uint64_t generation);
  bool IsWrong(const Credential& shown, os::Steady now);
  bool WasGood(const Credential& shown);
  void RememberWrong(const Credential& shown, os::Steady now);
  void Look(const CallPtr& call, const Credential& shown, std::function<void(Caller)> done);
  void Refuse(const CallPtr& call, const Credential& shown, bool looked);
  void Used(const Caller& caller, WallTime now);

  Guesses guesses_;
  std::mutex mutex_;
  std::uint64_t generation_ = 0;
  std::map<Credential, Known> known_;
  std::map<Credential, os::Steady> wrong_;  // until when
  std::set<Credential> good_;               // at their last look, however long ago
  std::unordered_map<std::int64_t, Use> uses_;
};

// A role great enough, and for browsers the proof that the page asking is ours.
std::optional<Error> Authorize(const Call& call, Role needed);

}  // namespace forager::api
