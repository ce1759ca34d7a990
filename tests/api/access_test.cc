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

TEST_F(AccessApi, NeitherALookNorAPrefetchSpendsALoginLink) {
  std::string code = LoginCode();
  Answered look = Ask("HEAD", "//login?code=" + code);
  EXPECT_EQ(look.status, 200);
  EXPECT_EQ(look.Header("Set-Cookie"), "");
  for (const auto& header : {std::pair("Sec-Purpose", "prefetch;prerender"),
                             std::pair("Purpose", "prefetch"), std::pair("X-Moz", "Prefetch")}) {
    Answered ahead = Ask("GET", "//login?code=" + code, "", {header});
    EXPECT_EQ(ahead.status, 403) << header.first;
    EXPECT_EQ(ahead.Header("Set-Cookie"), "");
  }
  EXPECT_EQ(Ask("GET", "//login?code=" + code).status, 303);
}

TEST_F(AccessApi, WrongLoginLinksReachNoWriterAndAreLimitedPerAddress) {
  std::string code = LoginCode();
  std::uint64_t writes = store_->figures().writes;
  std::map<int, int> answers;
  for (int i = 0; i < 1'000; ++i) {
    Answered wrong = Ask("GET", "//login?code=x");
    ++answers[wrong.status];
    if (wrong.status == 429) {
      EXPECT_EQ(wrong.Header("Retry-After"), "5");
    }
  }
  EXPECT_EQ(answers[401], 200);
  EXPECT_EQ(answers[429], 800);
  EXPECT_EQ(store_->figures().writes, writes);
  peer_ = "192.0.2.8";
  EXPECT_EQ(Ask("GET", "//login?code=" + code).status, 303);
}

TEST_F(AccessApi, WhoIsGoodIsNotHeldUpByOthersOfTheAddress) {
  EXPECT_EQ(As(admin_, "GET", "/me").status, 200);
  for (int i = 0; i < 1'000; ++i) As("fgr_always_the_same", "GET", "/jobs");
  EXPECT_EQ(As("fgr_always_the_same", "GET", "/jobs").status, 429);
  clock_.Advance(3s);
  EXPECT_EQ(As(admin_, "GET", "/me").status, 200);
  std::string fresh = MakeToken("viewer");
  EXPECT_EQ(As(fresh, "GET", "/me").status, 200) << "nobody has shown it before";
  for (int i = 0; i < 2'000; ++i) {
    As("fgr_" + std::to_string(i), "GET", "/jobs");
    Ask("GET", "//login?code=x");
  }
  clock_.Advance(3s);
  for (int i = 0; i < 100; ++i) As("fgr_more" + std::to_string(i), "GET", "/jobs");
  EXPECT_EQ(As("fgr_even_more", "GET", "/jobs").status, 429);
  EXPECT_EQ(As(admin_, "GET", "/me").status, 200) << "it was good before";
  EXPECT_EQ(As(fresh, "GET", "/me").status, 200);
}

TEST_F(AccessApi, ATokenIsNoSessionAndASessionIsNoToken) {
  std::string cookie = LoggedIn();
  std::string session = cookie.substr(cookie.find('=') + 1);
  EXPECT_EQ(Ask("GET", "/me", "", {{"Cookie", cookie}}).status, 200);
  EXPECT_EQ(As(session, "GET", "/me").status, 401);
  EXPECT_EQ(As(admin_, "GET", "/me").status, 200);
  std::string as_cookie = std::string(kSessionCookie) + "=" + admin_;
  EXPECT_EQ(Ask("GET", "/me", "", {{"Cookie", as_cookie}}).status, 401);
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Cookie", as_cookie}}).status, 401);
}

TEST_F(AccessApi, TheLastUseOfATokenIsWrittenOnceAMinute) {
  auto last_used = [&] {
    std::optional<WallTime> last;
    EXPECT_TRUE(store_->ReadAndWait([&](store::Store& store) -> Result<void> {
      last = store.Tokens()->front().last_used_at;
      return {};
    }));
    return last;
  };
  EXPECT_FALSE(last_used());
  As(admin_, "GET", "/me");
  WallTime first = clock_.Now();
  api_.tick();
  Until([&] { return last_used() == first; });
  std::uint64_t writes = store_->figures().writes;
  for (int i = 0; i < 59; ++i) {
    clock_.Advance(1s);
    As(admin_, "GET", "/me");
    api_.tick();
  }
  EXPECT_EQ(store_->figures().writes, writes);
  WallTime last = clock_.Now();
  clock_.Advance(1s);
  api_.tick();
  Until([&] { return last_used() == last; });
}

TEST_F(AccessApi, AProxyIsBelievedOnlyWhenItIsTrusted) {
  for (bool trusted : {false, true}) {
    if (trusted) options_.trusted_proxies = {"192.0.2.7"};
    Open();
    for (int i = 0; i < 300; ++i)
      Ask("GET", "//login?code=x", "", {{"X-Forwarded-For", "198.51.100.1"}});
    Answered other = Ask("GET", "//login?code=x", "", {{"X-Forwarded-For", "198.51.100.2"}});
    EXPECT_EQ(other.status, trusted ? 401 : 429);
  }
}

TEST_F(AccessApi, WhoMayNotAskIsToldBeforeTheBody) {
  auto admitted = [&](const std::string& method, const std::string& path, http::Headers headers) {
    http::Request head;
    head.method = method;
    head.path = path;
    head.headers = std::move(headers);
    head.headers.emplace_back("Host", "127.0.0.1:8080");
    std::promise<int> answer;
    api_.admit(std::move(head), [&](std::optional<http::Response> refusal) {
      answer.set_value(refusal ? refusal->status : 0);
    });
    return answer.get_future().get();
  };
  std::string jobs = std::string(kBase) + "/jobs/bulk";
  std::string viewer = MakeToken("viewer");
  EXPECT_EQ(admitted("POST", jobs, {}), 401);
  EXPECT_EQ(admitted("POST", jobs, {{"Authorization", "Bearer x"}}), 401);
  EXPECT_EQ(admitted("POST", jobs, {{"Authorization", "Bearer " + viewer}}), 403);
  EXPECT_EQ(admitted("POST", jobs, {{"Authorization", "Bearer " + admin_}}), 0);
  EXPECT_EQ(admitted("POST", "/nowhere", {{"Content-Length", "5000"}}), 404);
  EXPECT_EQ(admitted("GET", "/healthz", {{"Content-Length", "5000"}}), 422);
  EXPECT_EQ(admitted("GET", "/healthz", {{"Content-Length", "2"}}), 0);
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
  EXPECT_EQ(Ask("POST", "/jobs", kJob, {{"Origin", "http://127.0.0.1:9999"}}).status, 403);
}

TEST_F(AccessApi, AnotherHostIsNotServed) {
  Answered refused = Ask("GET", "//healthz", "", {{"Host", "evil.example"}});
  EXPECT_EQ(refused.status, 421);
  EXPECT_FALSE(refused.detail().empty());
  EXPECT_EQ(Ask("GET", "//healthz", "", {{"Host", "localhost:9"}}).status, 200);
}

TEST(HostCheck, AnOriginIsOursWithItsSchemeAndPort) {
  ApiOptions options;
  options.listen_host = "127.0.0.1";
  for (const auto& [origin, host] : std::vector<std::pair<const char*, const char*>>{
           {"http://127.0.0.1:8080", "127.0.0.1:8080"},
           {"http://localhost:8080", "127.0.0.1:8080"},
           {"http://[::1]:8080", "[::1]:8080"},
           {"http://localhost", "localhost"},
           {"http://localhost", "localhost:80"},
           {"https://forager.example", "forager.example"},
           {"https://FORAGER.example.", "forager.example:443"}})
    EXPECT_TRUE(OriginAllowed(options, origin, host)) << origin << " at " << host;
  for (const auto& [origin, host] : std::vector<std::pair<const char*, const char*>>{
           {"http://127.0.0.1:9999", "127.0.0.1:8080"},
           {"http://localhost", "localhost:8080"},
           {"http://[::1]:1", "[::1]:8080"},
           {"https://localhost:8080", "localhost"},
           {"http://evil.example:8080", "127.0.0.1:8080"},
           {"null", "127.0.0.1:8080"},
           {"file://localhost:8080", "localhost:8080"},
           {"", "127.0.0.1:8080"}})
    EXPECT_FALSE(OriginAllowed(options, origin, host)) << origin << " at " << host;
  // Behind a proxy that speaks TLS, with the host as it came, without its port, or as the proxy's
  // own.
  options.public_url = "https://forager.example/";
  options.allowed_hosts = {"other.example:8443", "plain.example"};
  for (const char* host : {"forager.example", "forager.example:443", "127.0.0.1:8080"}) {
    EXPECT_TRUE(OriginAllowed(options, "https://forager.example", host)) << host;
    EXPECT_FALSE(OriginAllowed(options, "http://forager.example", host)) << host;
    EXPECT_FALSE(OriginAllowed(options, "https://forager.example:8443", host)) << host;
  }
  EXPECT_TRUE(OriginAllowed(options, "https://other.example:8443", "127.0.0.1:8080"));
  EXPECT_FALSE(OriginAllowed(options, "https://other.example", "127.0.0.1:8080"));
  EXPECT_TRUE(OriginAllowed(options, "https://plain.example", "127.0.0.1:8080"));
  EXPECT_FALSE(OriginAllowed(options, "https://plain.example:8443", "127.0.0.1:8080"));
  options.secure = true;
  EXPECT_FALSE(OriginAllowed(options, "http://localhost:8080", "localhost:8080"));
  EXPECT_TRUE(OriginAllowed(options, "https://localhost:8080", "localhost:8080"));
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
