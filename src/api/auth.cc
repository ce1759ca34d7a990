#include "api/auth.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

#include "api/host_check.h"

namespace forager::api {
namespace {

constexpr std::chrono::milliseconds kKnownFor{2'000};
constexpr std::chrono::minutes kWrongFor{5};
constexpr std::chrono::minutes kBetweenWrites{1};  // of one token's last use
constexpr std::size_t kMaxKnown = 10'000;          // of each kind

std::string Hex(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

Error Unauthorized(std::string detail) {
  return Error{ErrorCode::kUnauthorized, std::move(detail), {}, {}};
}

// "Bearer TOKEN"; the scheme's case does not matter.
std::optional<std::string_view> BearerToken(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if ((header[i] | 0x20) != (kScheme[i] | 0x20)) return std::nullopt;
  }
  header.remove_prefix(kScheme.size());
  while (header.starts_with(' ')) header.remove_prefix(1);
  while (header.ends_with(' ')) header.remove_suffix(1);
  if (header.empty()) return std::nullopt;
  return header;
}

std::optional<std::string_view> Cookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    std::string_view part = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(header.size(), part.size() + 1));
    while (part.starts_with(' ')) part.remove_prefix(1);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      return part.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

Caller OfToken(const store::Token& token, const std::string& hash) {
  Caller caller{Caller::By::kToken,
                ParseRole(token.role).value_or(Role::kNone),
                token.name,
                TokenKey(token.id),
                "",
                hash};
  caller.token_id = token.id;
  return caller;
}

Caller OfSession(const store::Session& session, const std::string& hash) {
  return {Caller::By::kSession, ParseRole(session.role).value_or(Role::kNone),
          "dashboard",          SessionKey(hash),
          session.csrf,         hash};
}

Result<std::optional<Caller>> Find(store::Store& store, const store::Credential& shown,
                                   WallTime now) {
  if (shown.kind == store::Credential::Kind::kToken) {
    auto token = store.FindToken(shown.hash);
    if (!token) return std::unexpected(token.error());
    return *token ? std::optional(OfToken(**token, shown.hash)) : std::nullopt;
  }
  auto session = store.FindSession(shown.hash, now);
  if (!session) return std::unexpected(session.error());
  return *session ? std::optional(OfSession(**session, shown.hash)) : std::nullopt;
}

bool Same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string HashSecret(std::string_view secret) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(secret.data(), secret.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return Hex(digest, size);
}

std::string TokenKey(std::int64_t id) { return "token:" + std::to_string(id); }
std::string SessionKey(const std::string& hash) { return "session:" + hash; }

http::Response TooManyGuesses() {
  http::Response response =
      Problem(429, "Too many wrong tokens or login links came from your address. Try again later.");
  response.headers.emplace_back("Retry-After", std::to_string(Guesses::kComeAgain.count()));
  return response;
}

std::string MakeSecret(std::string_view prefix) {
  unsigned char bytes[24];
  if (RAND_bytes(bytes, sizeof bytes) != 1) throw std::runtime_error("no random bytes");
  return std::string(prefix) + Hex(bytes, sizeof bytes);
}

std::string_view Name(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kMetrics:
      return "metrics";
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

std::optional<Role> ParseRole(std::string_view name) {
  for (Role role : {Role::kMetrics, Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (Name(role) == name) return role;
  }
  return std::nullopt;
}

// A token is no session and a session no token, however alike they look.
std::optional<Caller> Access::Recall(const Credential& shown, os::Steady now, WallTime wall) {
  std::lock_guard lock(mutex_);
  auto found = known_.find(shown);
  if (found == known_.end() || found->second.until <= now) return std::nullopt;
  Used(found->second.caller, wall);
  return found->second.caller;
}

void Access::Remember(const Credential& shown, const Caller& caller, os::Steady now, WallTime wall,
                      std::uint64_t generation) {
  std::lock_guard lock(mutex_);
  Used(caller, wall);
  if (good_.size() >= kMaxKnown) good_.clear();
  good_.insert(shown);
  if (generation != generation_) return;  // revoked while we were reading
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[shown] = {caller, now + kKnownFor};
}

bool Access::IsWrong(const Credential& shown, os::Steady now) {
  std::lock_guard lock(mutex_);
  auto found = wrong_.find(shown);
  return found != wrong_.end() && found->second > now;
}

void Access::RememberWrong(const Credential& shown, os::Steady now) {
  std::lock_guard lock(mutex_);
  good_.erase(shown);
  if (wrong_.size() >= kMaxKnown) wrong_.clear();
  wrong_[shown] = now + kWrongFor;
}

bool Access::WasGood(const Credential& shown) {
  std::lock_guard lock(mutex_);
  return good_.contains(shown);
}

void Access::Forget() {
  std::lock_guard lock(mutex_);
  ++generation_;
  known_.clear();
}

void Access::Used(const Caller& caller, WallTime now) {
  if (caller.by != Caller::By::kToken) return;
  if (uses_.size() >= kMaxKnown && !uses_.contains(caller.token_id)) uses_.clear();
  Use& use = uses_[caller.token_id];
  if (now <= use.at) return;
  use.at = now;
  use.written = false;
}

std::vector<store::TokenUse> Access::TakeUses(os::Steady now) {
  std::lock_guard lock(mutex_);
  std::vector<store::TokenUse> due;
  for (auto& [id, use] : uses_) {
    if (use.written || (use.written_at && now - *use.written_at < kBetweenWrites)) continue;
    due.push_back({id, use.at});
    use.written = true;
    use.written_at = now;
  }
  // In one order everywhere: servers write the same rows.
  std::ranges::sort(due, {}, &store::TokenUse::id);
  return due;
}

void Access::PutBack(const std::vector<store::TokenUse>& uses) {
  std::lock_guard lock(mutex_);
  for (const store::TokenUse& use : uses) {
    if (auto found = uses_.find(use.id); found != uses_.end()) found->second.written = false;
  }
}

void Access::Authenticate(const CallPtr& call, std::function<void(Caller)> done) {
  const Services& services = *call->services;
  if (!services.options.auth)
    return done(Caller{Caller::By::kAuthOff, Role::kAdmin, "anonymous", "anonymous", "", ""});
  std::string_view header = call->request.Header("Authorization");
  std::optional<std::string_view> token = BearerToken(header);
  std::optional<std::string_view> session;
  if (header.empty()) session = Cookie(call->request.Header("Cookie"), kSessionCookie);
  if (!token && !session) {
    return call->Send(
        Unauthorized(header.empty() ? "Say who you are: send Authorization: Bearer TOKEN."
                                    : "The Authorization header is not of the form Bearer TOKEN."));
  }
  Credential shown{token ? Credential::Kind::kToken : Credential::Kind::kSession,
                   HashSecret(token ? *token : *session)};
  os::Steady now = services.clock.SteadyNow();
  if (std::optional<Caller> known = Recall(shown, now, call->Now())) return done(std::move(*known));
  if (IsWrong(shown, now)) return Refuse(call, shown, false);
  // What was good is looked up again whatever others of the address did meanwhile.
  if (!WasGood(shown) && !guesses_.MayLook(call->address, now)) return call->Send(TooManyGuesses());
  Look(call, shown, std::move(done));
}

void Access::Look(const CallPtr& call, const Credential& shown, std::function<void(Caller)> done) {
  os::Steady now = call->services->clock.SteadyNow();
  std::uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    generation = generation_;
  }
  auto caller = std::make_shared<std::optional<Caller>>();
  call->store().Read(
      [call, caller, shown](store::Store& store) -> Result<void> {
        auto found = Find(store, shown, call->Now());
        if (!found) return std::unexpected(found.error());
        *caller = std::move(*found);
        return {};
      },
      [this, call, caller, shown, now, generation, done](Result<void> read) {
        if (!read) return call->Send(read.error());
        if (!*caller) return Refuse(call, shown, true);
        Remember(shown, **caller, now, call->Now(), generation);
        done(**caller);
      });
}

void Access::Refuse(const CallPtr& call, const Credential& shown, bool looked) {
  os::Steady now = call->services->clock.SteadyNow();
  if (looked) RememberWrong(shown, now);
  if (!guesses_.Wrong(call->address, now, looked)) return call->Send(TooManyGuesses());
  call->Send(Unauthorized(shown.kind == Credential::Kind::kToken
                              ? "The token is unknown or revoked."
                              : "The session is unknown or over."));
}

std::optional<Error> Authorize(const Call& call, Role needed) {
  const Caller& caller = call.caller;
  if (caller.role < needed) {
    return Error{
        ErrorCode::kForbidden,
        fmt::format("This needs the role {}; yours is {}.", Name(needed), Name(caller.role)),
        {},
        {}};
  }
  const std::string& method = call.request.method;
  if (method == "GET" || method == "HEAD" || caller.by == Caller::By::kToken) return std::nullopt;
  std::string_view origin = call.request.Header("Origin");
  if (!origin.empty() &&
      !OriginAllowed(call.services->options, origin, call.request.Header("Host"))) {
    return Error{
        ErrorCode::kForbidden, "Requests from pages of other origins are refused.", {}, {}};
  }
  if (caller.by == Caller::By::kSession &&
      !Same(call.request.Header("X-CSRF-Token"), caller.csrf)) {
    return Error{ErrorCode::kForbidden,
                 "The header X-CSRF-Token is missing or wrong; GET /me tells it.",
                 {},
                 {}};
  }
  return std::nullopt;
}

}  // namespace forager::api
