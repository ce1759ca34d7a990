// GET /login: the one-time link of the dashboard. It is looked up first: a wrong code, which
// anybody may send, never reaches the writer.
#include <fmt/format.h>

#include <algorithm>

#include "api/auth.h"
#include "api/handlers.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/session_cookie.h"

namespace forager::api {
namespace {

constexpr std::chrono::hours kSessionLife{12};

Error WrongLink() {
  return Error{
      ErrorCode::kUnauthorized, "This login link was used before, is too old or wrong.", {}, {}};
}

// A browser that loads a page ahead of its reader.
bool IsAhead(const http::Request& request) {
  for (std::string_view header : {"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"}) {
    std::string value(request.Header(header));
    std::ranges::transform(value, value.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    if (value.find("prefetch") != value.npos || value.find("prerender") != value.npos ||
        value.find("preview") != value.npos)
      return true;
  }
  return false;
}

// Counted apart from tokens: neither holds up the other.
std::string Guesser(const Call& call) { return "login " + call.address; }

http::Response LoggedIn(const Call& call, const std::string& secret) {
  http::Response response;
  response.status = 303;
  response.content_type = "text/plain; charset=utf-8";
  response.headers.emplace_back("Location", "/");
  response.headers.emplace_back("Set-Cookie", SessionCookie(call, secret, kSessionLife));
  return response;
}

void SendWrong(const CallPtr& call) {
  bool told = call->services->access->guesses().Wrong(Guesser(*call),
                                                      call->services->clock.SteadyNow(), true);
  told ? call->Send(WrongLink()) : call->Send(TooManyGuesses());
}

// Somebody else may spend it in between.
void Spend(const CallPtr& call, const std::string& hash) {
  std::string secret = MakeSecret("fgs_");
  store::Session session{std::string(Name(Role::kAdmin)), MakeSecret(""),
                         call->Now() + kSessionLife};
  call->store().Write(
      [call, hash, secret, session](store::Store& store) -> Result<void> {
        auto used = store.UseLoginCode(hash, call->Now());
        if (!used) return std::unexpected(used.error());
        if (!*used) return std::unexpected(WrongLink());
        return store.CreateSession(HashSecret(secret), session);
      },
      [call, secret](const Result<void>& written) {
        written ? call->Send(LoggedIn(*call, secret)) : call->Send(written.error());
      });
}

}  // namespace

std::string SessionCookie(const Call& call, std::string_view secret, std::chrono::seconds life) {
  const ApiOptions& options = call.services->options;
  bool secure = options.secure || options.public_url.starts_with("https://");
  return fmt::format("{}={}; Path={}/; Max-Age={}; HttpOnly; SameSite=Strict{}", kSessionCookie,
                     secret, options.base_path, life.count(), secure ? "; Secure" : "");
}

void LogIn(CallPtr call) {
  Query query(call->request);
  std::optional<std::string> code = query.Text("code", 200);
  if (!code && !query.error()) query.Wrong("code", "is needed");
  if (auto error = query.error()) return call->Send(*error);
  if (call->request.head_only) {
    http::Response response;
    response.content_type = "text/plain; charset=utf-8";
    return call->Send(std::move(response));
  }
  if (IsAhead(call->request)) {
    return call->Send(Error{ErrorCode::kForbidden,
                            "A login link works once and is not opened ahead of time: open it.",
                            {},
                            {}});
  }
  if (!call->services->access->guesses().MayLook(Guesser(*call), call->services->clock.SteadyNow()))
    return call->Send(TooManyGuesses());
  std::string hash = HashSecret(*code);
  auto known = std::make_shared<bool>(false);
  call->store().Read(
      [call, hash, known](store::Store& store) -> Result<void> {
        auto found = store.KnowsLoginCode(hash, call->Now());
        if (!found) return std::unexpected(found.error());
        *known = *found;
        return {};
      },
      [call, hash, known](const Result<void>& read) {
        if (!read) return call->Send(read.error());
        *known ? Spend(call, hash) : SendWrong(call);
      });
}

}  // namespace forager::api
