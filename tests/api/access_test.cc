// Who may do what: hosts, tokens, roles, sessions and CSRF.
#include "api/auth.h"
#include "api/host_check.h"
#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AccessApi : public ApiTest {
 protected:
  AccessApi() {
    options_.auth = true;
    Open();
    admin_ = MakeToken("admin");
  }
  std::string MakeToken(const std::string& role) {
    std::string secret = MakeSecret("fgr_");
    auto made = store_->WriteAndWait([&](store::Store& store) -> Result<void> {
      auto token = store.CreateToken(role, role, HashSecret(secret), clock_.Now());
      if (!token) return std::unexpected(token.error());
      return {};
    });
    EXPECT_TRUE(made);
    return secret;
  }
  Answered As(const std::string& token, const std::string& method, const std::string& target,
              const std::string& body = "") {
    return Ask(method, target, body, {{"Authorization", "Bearer " + token}});
  }
  std::string LoginCode() {
    std::string code = MakeSecret("");
    EXPECT_TRUE(store_->WriteAndWait([&](store::Store& store) {
      return store.CreateLoginCode(HashSecret(code), clock_.Now() + 10min);
    }));
    return code;
  }
  // The cookie of a new session.
  std::string LoggedIn() {
    Answered login = Ask("GET", "//login?code=" + LoginCode());
    EXPECT_EQ(login.status, 303);
    std::string cookie = login.Header("Set-Cookie");
    return cookie.substr(0, cookie.find(';'));
  }
  std::string admin_;
};

constexpr const char* kJob = R"({"entity_type":"property","job_type":"discovery"})";

TEST_F(AccessApi, WithoutATokenEverythingButTheOpenRoutesIs401) {
  for (const Route& route : Routes()) {
    std::string path = "/" + route.path;
    if (std::size_t hole = path.find("{id}"); hole != path.npos) path.replace(hole, 4, "1");
    Answered answer = Ask(std::string(route.method), path);
    if (route.role == Role::kNone) {
      EXPECT_NE(answer.status, 401) << path;
    } else {
      EXPECT_EQ(answer.status, 401) << path;
      EXPECT_THAT(answer.Header("WWW-Authenticate"), StartsWith("Bearer")) << path;
    }
  }
}

TEST_F(AccessApi, EachRouteAsksForItsRole) {
  std::map<Role, std::string> tokens = {{Role::kViewer, MakeToken("viewer")},
                                        {Role::kOperator, MakeToken("operator")},
                                        {Role::kAdmin, admin_}};
  for (const Route& route : Routes()) {
    if (route.role == Role::kNone) continue;
    std::string path = "/" + route.path;
    if (std::size_t hole = path.find("{id}"); hole != path.npos) path.replace(hole, 4, "1");
    for (const auto& [role, token] : tokens) {
      // An unknown parameter: whoever may pass gets 422, and nothing happens.
      Answered answer = As(token, std::string(route.method), path + "?unknown=1");
      EXPECT_EQ(answer.status, role < route.role ? 403 : 422) << route.method << path << Name(role);
      if (role < route.role) {
        EXPECT_THAT(answer.detail(), HasSubstr(Name(route.role)));
      }
    }
  }
}

TEST_F(AccessApi, WrongTokensAreRefused) {
  EXPECT_EQ(As("fgr_wrong", "GET", "/jobs").status, 401);
  EXPECT_EQ(Ask("GET", "/jobs", "", {{"Authorization", "Basic abc"}}).status, 401);
  EXPECT_EQ(Ask("GET", "/jobs", "", {{"Authorization", "Bearer"}}).status, 401);
  EXPECT_EQ(Ask("GET", "/jobs", "", {{"Authorization", "bearer " + admin_}}).status, 200);
}

TEST_F(AccessApi, ATokenIsShownOnceAndGoneWhenRevoked) {
  Answered made = As(admin_, "POST", "/tokens", R"({"name":"ci","role":"operator"})");
  EXPECT_EQ(made.status, 201);
  std::string secret = made.Text("/token");
  EXPECT_THAT(secret, StartsWith("fgr_"));
  EXPECT_THAT(As(admin_, "GET", "/tokens").body, Not(HasSubstr(secret)));
  EXPECT_EQ(As(secret, "POST", "/jobs", kJob).status, 201);
  EXPECT_EQ(As(secret, "GET", "/me").Text("/role"), "operator");
  EXPECT_EQ(As(secret, "GET", "/me").Text("/name"), "ci");
  std::string id = std::to_string(made.Int("/id"));
  EXPECT_EQ(As(admin_, "DELETE", "/tokens/" + id).status, 200);
  EXPECT_EQ(As(secret, "GET", "/jobs").status, 401) << "at once, although it was seen before";
  EXPECT_EQ(As(admin_, "DELETE", "/tokens/99999").status, 404);
  EXPECT_EQ(As(admin_, "DELETE", "/tokens/x").status, 404);
}

TEST_F(AccessApi, TokensNeedANameAndARole) {
  for (const char* body :
       {"{}", R"({"name":"x"})", R"({"name":"x","role":"king"})", R"({"name":"","role":"viewer"})",
        R"({"name":"x","role":"viewer","a":1})"}) {
    EXPECT_EQ(As(admin_, "POST", "/tokens", body).status, 422) << body;
  }
}

TEST_F(AccessApi, IdempotencyKeysArePerToken) {
  std::string other = MakeToken("operator");
  Answered mine =
      Ask("POST", "/jobs", kJob, {{"Authorization", "Bearer " + admin_}, {"Idempotency-Key", "k"}});
  Answered theirs =
      Ask("POST", "/jobs", kJob, {{"Authorization", "Bearer " + other}, {"Idempotency-Key", "k"}});
  EXPECT_NE(mine.Text("/job_id"), theirs.Text("/job_id"));
}

TEST_F(AccessApi, ALoginLinkOpensOneSession) {
  std::string code = LoginCode();
  Answered login = Ask("GET", "//login?code=" + code);
  EXPECT_EQ(login.status, 303);
  EXPECT_EQ(login.Header("Location"), "/");
  EXPECT_THAT(login.Header("Set-Cookie"), HasSubstr("HttpOnly"));
  EXPECT_THAT(login.Header("Set-Cookie"), HasSubstr("SameSite=Strict"));
  EXPECT_EQ(Ask("GET", "//login?code=" + code).status, 401) << "spent";
  EXPECT_EQ(Ask("GET", "//login?code=guess").status, 401);
  EXPECT_EQ(Ask("GET", "//login").status, 422);
  std::string late = LoginCode();
  clock_.Advance(11min);
  EXPECT_EQ(Ask("GET", "//login?code=" + late).status, 401);
}

TEST_F(AccessApi, ASessionNeedsItsCsrfTokenToChangeAnything) {
  std::string cookie = "other=1; " + LoggedIn();
  Answered me = Ask("GET", "/me", "", {{"Cookie", cookie}});
  EXPECT_EQ(me.Text("/auth"), "session");
  std::string csrf = me.Text("/csrf_token");
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Cookie", cookie}}).status, 403);
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Cookie", cookie}, {"X-CSRF-Token", "x"}}).status, 403);
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Cookie", cookie}, {"X-CSRF-Token", csrf}}).status, 201);
  EXPECT_EQ(Ask("POST", "/jobs", kJob,
                {{"Cookie", cookie}, {"X-CSRF-Token", csrf}, {"Origin", "https://evil.example"}})
                .status,
            403);
  EXPECT_EQ(Ask("POST", "/logout", "", {{"Cookie", cookie}, {"X-CSRF-Token", csrf}}).status, 200);
  EXPECT_EQ(Ask("GET", "/me", "", {{"Cookie", cookie}}).status, 401);
  EXPECT_EQ(As(admin_, "POST", "/logout").status, 409);
}

TEST_F(AccessApi, ASessionEnds) {
  std::string cookie = LoggedIn();
  clock_.Advance(13h);
  EXPECT_EQ(Ask("GET", "/me", "", {{"Cookie", cookie}}).status, 401);
}

TEST_F(AccessApi, WithAuthOffEverybodyIsAdminButNotAStrangersPage) {
  options_.auth = false;
  Open();
  EXPECT_EQ(Get("/me").Text("/role"), "admin");
  EXPECT_EQ(Get("/me").Text("/auth"), "off");
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Origin", "null"}}).status, 403);
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Origin", "http://localhost:8080"}}).status, 201);
}

TEST_F(AccessApi, AnotherHostIsNotServed) {
  Answered refused = Ask("GET", "//healthz", "", {{"Host", "evil.example"}});
  EXPECT_EQ(refused.status, 421);
  EXPECT_FALSE(refused.detail().empty());
  EXPECT_EQ(Ask("GET", "//healthz", "", {{"Host", "localhost:9"}}).status, 200);
}

TEST(HostCheck, KnowsItsNames) {
  ApiOptions options;
  options.listen_host = "192.0.2.7";
  options.allowed_hosts = {"Jobs.Example", "ported.example:8443"};
  options.public_url = "https://public.example:444/path";
  for (const char* host : {"localhost", "LOCALHOST:80", "a.localhost", "127.0.0.1", "127.9.9.9:1",
                           "[::1]", "[::1]:80", "192.0.2.7:8080", "jobs.example", "jobs.example.:1",
                           "ported.example", "public.example:1"}) {
    EXPECT_TRUE(HostAllowed(options, host)) << host;
  }
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "192.0.2.8", "localhost:80:80", "localhost:x", "[::1", "jobs.example/",
                           "user@localhost", "0.0.0.0", "[::1]x"}) {
    EXPECT_FALSE(HostAllowed(options, host)) << host;
  }
  options.listen_host = "0.0.0.0";
  EXPECT_TRUE(HostAllowed(options, "192.0.2.8:80"));
  EXPECT_FALSE(HostAllowed(options, "evil.example"));
  options.listen_host = "[::]";
  EXPECT_TRUE(HostAllowed(options, "[2001:db8::1]:80"));
}

}  // namespace
}  // namespace forager::api
