#include "api/auth.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdexcept>

#include "api/host_check.h"

namespace forager::api {
namespace {

constexpr std::chrono::milliseconds kKnownFor{2'000};
constexpr std::size_t kMaxKnown = 10'000;

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
  return {Caller::By::kToken,
          ParseRole(token.role).value_or(Role::kNone),
          token.name,
          TokenKey(token.id),
          "",
          hash};
}

Caller OfSession(const store::Session& session, const std::string& hash) {
  return {Caller::By::kSession, ParseRole(session.role).value_or(Role::kNone),
          "dashboard",          "session:" + hash,
          session.csrf,         hash};
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

std::optional<Caller> Access::Recall(const std::string& hash, os::Steady now) {
  std::lock_guard lock(mutex_);
  auto found = known_.find(hash);
  if (found == known_.end() || found->second.until <= now) return std::nullopt;
  return found->second.caller;
}

void Access::Remember(const std::string& hash, const Caller& caller, os::Steady now,
                      std::uint64_t generation) {
  std::lock_guard lock(mutex_);
  if (generation != generation_) return;  // revoked while we were reading
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[hash] = {caller, now + kKnownFor};
}

void Access::Forget() {
  std::lock_guard lock(mutex_);
  ++generation_;
  known_.clear();
}

void Access::Authenticate(const CallPtr& call, std::function<void(Result<Caller>)> done) {
  const Services& services = *call->services;
  if (!services.options.auth) {
    return done(Caller{Caller::By::kAuthOff, Role::kAdmin, "anonymous", "anonymous", "", ""});
  }
  std::string_view header = call->request.Header("Authorization");
  std::optional<std::string_view> token = BearerToken(header);
  std::optional<std::string_view> session;
  if (header.empty()) session = Cookie(call->request.Header("Cookie"), kSessionCookie);
  if (!token && !session) {
    return done(std::unexpected(Unauthorized(
        header.empty() ? "Say who you are: send Authorization: Bearer TOKEN."
                       : "The Authorization header is not of the form Bearer TOKEN.")));
  }
  std::string hash = HashSecret(token ? *token : *session);
  os::Steady now = services.clock.SteadyNow();
  if (std::optional<Caller> known = Recall(hash, now)) return done(std::move(*known));

  std::uint64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    generation = generation_;
  }
  auto caller = std::make_shared<std::optional<Caller>>();
  bool by_token = token.has_value();
  services.store.Read(
      [call, caller, hash, by_token](store::Store& store) -> Result<void> {
        if (by_token) {
          auto found = store.FindToken(hash);
          if (!found) return std::unexpected(found.error());
          if (*found) *caller = OfToken(**found, hash);
        } else {
          auto found = store.FindSession(hash, call->Now());
          if (!found) return std::unexpected(found.error());
          if (*found) *caller = OfSession(**found, hash);
        }
        return {};
      },
      [this, call, caller, hash, by_token, now, generation, done](Result<void> read) {
        if (!read) return done(std::unexpected(read.error()));
        if (!*caller) {
          return done(std::unexpected(Unauthorized(by_token ? "The token is unknown or revoked."
                                                            : "The session is unknown or over.")));
        }
        Remember(hash, **caller, now, generation);
        done(**caller);
      });
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
  if (!origin.empty() && !OriginAllowed(call.services->options, origin)) {
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
