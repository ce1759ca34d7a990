// Tokens, dashboard sessions, and who am I.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "api/auth.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/session_cookie.h"
#include "job/codec.h"

namespace forager::api {
namespace {

ObjectWriter TokenJson(const store::Token& token) {
  ObjectWriter body;
  body.Int("id", token.id)
      .Text("name", token.name)
      .Text("role", token.role)
      .Time("created_at", token.created_at)
      .Time("last_used_at", token.last_used_at)
      .Time("revoked_at", token.revoked_at);
  return body;
}

std::string_view Name(Caller::By by) {
  switch (by) {
    case Caller::By::kToken:
      return "token";
    case Caller::By::kSession:
      return "session";
    default:
      return "off";
  }
}

}  // namespace

Result<http::Response> GetMe(const Call& call) {
  const Caller& caller = call.caller;
  ObjectWriter body;
  body.Text("name", caller.name)
      .Text("role", api::Name(caller.role))
      .Text("auth", Name(caller.by))
      .TextOrNull("csrf_token", caller.csrf.empty() ? std::nullopt : std::optional(caller.csrf))
      .Text("version", call.services->options.version);
  return Json(200, body.Take());
}

Result<ReadWork> ListTokens(const Call&) {
  return [](store::Store& store) -> Result<http::Response> {
    auto tokens = store.Tokens();
    if (!tokens) return std::unexpected(tokens.error());
    std::string list =
        WriteArray(*tokens, [](const store::Token& token) { return TokenJson(token).Take(); });
    return Json(200, ObjectWriter().Raw("tokens", list).Take());
  };
}

Result<WriteWork> CreateToken(const Call& call) {
  Result<boost::json::object> body = ReadBody(call.request.body);
  if (!body) return std::unexpected(body.error());
  std::vector<FieldError> wrong;
  MemberReader reader(*body, "", wrong);
  std::string name = reader.Text("name", 100).value_or("");
  std::string role = reader.Text("role", 20).value_or("");
  reader.RefuseOthers();
  if (name.empty() && wrong.empty()) wrong.push_back({"name", "must be text of 1 to 100 bytes"});
  if (!ParseRole(role)) wrong.push_back({"role", "must be metrics, viewer, operator or admin"});
  if (!wrong.empty()) return std::unexpected(WrongFields(std::move(wrong)));
  std::string secret = MakeSecret("fgr_");
  return [&call, name, role, secret](store::Store& store) -> Result<Answer> {
    auto token = store.CreateToken(name, role, HashSecret(secret), call.Now());
    if (!token) return std::unexpected(token.error());
    return [token = std::move(*token), secret] {
      http::Response response = Json(201, TokenJson(token).Text("token", secret).Take());
      response.headers.emplace_back("Location", fmt::format("{}/tokens/{}", kBase, token.id));
      return response;
    };
  };
}

Result<WriteWork> RevokeToken(const Call& call) {
  std::int64_t id = 0;
  auto [end, error] = std::from_chars(call.id.data(), call.id.data() + call.id.size(), id);
  if (error != std::errc{} || end != call.id.data() + call.id.size()) {
    return Fail(ErrorCode::kNotFound, "There is no such token.");
  }
  return [&call, id](store::Store& store) -> Result<Answer> {
    if (auto revoked = store.RevokeToken(id, call.Now()); !revoked) {
      return std::unexpected(revoked.error());
    }
    return [&call, id] {
      call.services->access->Forget();
      call.services->events.End(TokenKey(id));
      call.services->waiters.WakeCaller(TokenKey(id));
      return Json(
          200,
          ObjectWriter().Text("message", fmt::format("Revoked token {}", id)).Int("id", id).Take());
    };
  };
}

Result<WriteWork> LogOut(const Call& call) {
  if (call.caller.by != Caller::By::kSession) {
    return Fail(ErrorCode::kConflict, "Only a dashboard session can log out; tokens are revoked.");
  }
  return [&call](store::Store& store) -> Result<Answer> {
    if (auto ended = store.EndSession(call.caller.secret_hash); !ended) {
      return std::unexpected(ended.error());
    }
    return [&call] {
      call.services->access->Forget();
      call.services->events.End(call.caller.key);
      call.services->waiters.WakeCaller(call.caller.key);
      http::Response response = Json(200, ObjectWriter().Text("message", "Logged out").Take());
      response.headers.emplace_back("Set-Cookie", SessionCookie(call, "", std::chrono::seconds(0)));
      return response;
    };
  };
}

}  // namespace forager::api
