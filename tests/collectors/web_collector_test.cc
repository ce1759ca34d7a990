#include <gtest/gtest.h>

#include "collectors/collector.h"
#include "collectors/extract.h"
#include "collectors/polite_fetch.h"
#include "tests/support/scripted_server.h"

namespace forager::collectors {
namespace {

using testing::Answer;
using testing::Redirect;
using testing::ScriptedServer;

constexpr char kCommunity[] =
    R"(<script type=application/ld+json>{"@type":"ApartmentComplex","name":"Willow Bend"}</script>)";

class WebCollector : public ::testing::Test {
 protected:
  WebCollector() {
    settings_["allow_private_hosts"] = " " + server_.Authority() + " , other.example";
  }

  ResultEvent Collect(const std::optional<std::string>& url,
                      const std::string& type = "community") {
    events_.clear();
    Job job;
    job.entity_type = type;
    job.job_type = "discovery";
    job.target_url = url;
    return CollectWeb({job, settings_, [this](const Event& event) { events_.push_back(event); },
                       [this](const TurnWish& wish) {
                         wishes_.push_back(wish);
                         return turn_ ? turn_(wish) : std::nullopt;
                       }});
  }
  template <typename T>
  std::vector<T> Said() const {
    std::vector<T> out;
    for (const Event& event : events_) {
      if (const T* one = std::get_if<T>(&event)) out.push_back(*one);
    }
    return out;
  }

  ScriptedServer server_{{{"/", Answer(200, kCommunity)}}};
  std::map<std::string, std::string> settings_;
  std::vector<Event> events_;
  std::vector<TurnWish> wishes_;
  TakeTurn turn_;
};

TEST_F(WebCollector, EveryRequestTakesItsTurnAtItsHost) {
  ScriptedServer other({{"/moved", Answer(200, kCommunity)}});
  settings_["allow_private_hosts"] += "," + other.Authority();
  server_.Set("/", Redirect(302, other.Url("/moved")));
  EXPECT_TRUE(Collect(server_.Url("/")).completed);
  std::vector<std::string> hosts;
  for (const TurnWish& wish : wishes_) hosts.push_back(wish.host);
  EXPECT_EQ(hosts, (std::vector<std::string>{server_.Authority(), server_.Authority(),
                                             other.Authority(), other.Authority()}));
  EXPECT_EQ(wishes_[0].interval, Millis{0}) << "nothing is known of it yet";
}

TEST_F(WebCollector, CrawlDelayIsAskedForOnceItIsKnown) {
  server_.Set("/robots.txt", Answer(200, "User-agent: *\nCrawl-delay: 7\n"));
  EXPECT_TRUE(Collect(server_.Url("/")).completed);
  ASSERT_EQ(wishes_.size(), 2u);
  EXPECT_EQ(wishes_[1].interval, Millis{7'000});
}

TEST_F(WebCollector, ASlowAnswerAsksForAGapOfItsLength) {
  server_.Set("/robots.txt", [](ScriptedServer::Exchange& exchange) {
    exchange.Pause(Millis{300});
    Answer(404, "")(exchange);
  });
  EXPECT_TRUE(Collect(server_.Url("/")).completed);
  ASSERT_EQ(wishes_.size(), 2u);
  EXPECT_GE(wishes_[1].interval, Millis{300});
  EXPECT_LT(wishes_[1].interval, Millis{3'000});
}

TEST_F(WebCollector, WithoutATurnNothingIsSent) {
  turn_ = [](const TurnWish&) { return NoTurn{"no turn", Millis{310'000}}; };
  const ResultEvent result = Collect(server_.Url("/"));
  EXPECT_EQ(result.error_class, ErrorClass::kTransient);
  EXPECT_EQ(result.error, server_.Url("/") + " was not fetched: no turn");
  EXPECT_EQ(result.retry_after, Millis{310'000});
  EXPECT_TRUE(server_.Targets().empty());
}

TEST_F(WebCollector, APageBecomesRecords) {
  const ResultEvent result = Collect(server_.Url("/"));
  EXPECT_TRUE(result.completed) << result.error;
  const auto records = Said<RecordEvent>();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].entity, R"({"name":"Willow Bend"})");
  EXPECT_EQ(server_.Targets(), (std::vector<std::string>{"/robots.txt", "/"}));
}

TEST_F(WebCollector, ProgressNamesItsStagesAndThePage) {
  Collect(server_.Url("/"));
  std::vector<std::string> stages;
  for (const ProgressEvent& progress : Said<ProgressEvent>()) {
    if (progress.stage) stages.push_back(*progress.stage);
    if (progress.stage) {
      EXPECT_EQ(progress.url, server_.Url("/"));
    }
  }
  EXPECT_EQ(stages,
            (std::vector<std::string>{"robots", "fetching", "parsing", "extracting", "done"}));
}

TEST_F(WebCollector, NothingForTheTypeCompletesWithALogLine) {
  const ResultEvent result = Collect(server_.Url("/"), "property");
  EXPECT_TRUE(result.completed);
  EXPECT_TRUE(Said<RecordEvent>().empty());
  ASSERT_EQ(Said<LogEvent>().size(), 1u);
  EXPECT_EQ(Said<LogEvent>()[0].message, "Nothing about a property found on " + server_.Url("/"));
}

TEST_F(WebCollector, AJobWithoutAUsableAddressIsInvalid) {
  for (const std::optional<std::string>& url :
       {std::optional<std::string>(), std::optional<std::string>(""),
        std::optional<std::string>("ftp://x/"), std::optional<std::string>("http://u:p@x/")}) {
    const ResultEvent result = Collect(url);
    EXPECT_FALSE(result.completed);
    EXPECT_EQ(result.error_class, ErrorClass::kInvalid);
    EXPECT_TRUE(result.error.starts_with("target_url: ")) << result.error;
  }
}

TEST_F(WebCollector, RobotsTxtIsObeyed) {
  server_.Set("/robots.txt", Answer(200, "User-agent: forager\nDisallow: /private\n",
                                    "Content-Type: text/plain\r\n"));
  const ResultEvent result = Collect(server_.Url("/private/page"));
  EXPECT_FALSE(result.completed);
  EXPECT_EQ(result.error_class, ErrorClass::kPermanent);
  EXPECT_EQ(result.error, server_.Url("/private/page") +
                              " was not fetched: disallowed by robots.txt of " +
                              server_.Authority());
  EXPECT_EQ(server_.Targets(), std::vector<std::string>{"/robots.txt"});
}

TEST_F(WebCollector, ARedirectIntoADisallowedFolderIsNotFollowed) {
  server_.Set("/robots.txt", Answer(200, "User-agent: *\nDisallow: /private\n"));
  server_.Set("/a", Redirect(302, "/private/page"));
  EXPECT_NE(Collect(server_.Url("/a")).error.find("disallowed by robots.txt"), std::string::npos);
  EXPECT_EQ(server_.Targets(), (std::vector<std::string>{"/robots.txt", "/a"}));
}

TEST_F(WebCollector, RobotsTxtOfTheHostRedirectedToIsReadToo) {
  ScriptedServer other({{"/robots.txt", Answer(200, "User-agent: *\nDisallow: /\n")},
                        {"/", Answer(200, kCommunity)}});
  settings_["allow_private_hosts"] += "," + other.Authority();
  server_.Set("/a", Redirect(302, other.Url("/")));
  EXPECT_NE(
      Collect(server_.Url("/a")).error.find("disallowed by robots.txt of " + other.Authority()),
      std::string::npos);
}

TEST_F(WebCollector, WithoutRobotsTxtAllIsAllowed) {
  for (const int status : {401, 403, 404, 410, 429}) {
    server_.Set("/robots.txt", Answer(status, "User-agent: *\nDisallow: /\n"));
    EXPECT_TRUE(Collect(server_.Url("/")).completed) << status;
  }
  server_.Set("/robots.txt", Redirect(302, "/robots.txt"));
  EXPECT_TRUE(Collect(server_.Url("/")).completed) << "more redirects than are followed";
}

TEST_F(WebCollector, ARobotsTxtThatCannotBeReadForbidsForNow) {
  server_.Set("/robots.txt", Answer(503, "", "Retry-After: 7\r\n"));
  const ResultEvent result = Collect(server_.Url("/"));
  EXPECT_EQ(result.error_class, ErrorClass::kTransient);
  EXPECT_EQ(result.retry_after, Millis(7000));
  EXPECT_NE(result.error.find("robots.txt of " + server_.Authority() + " could not be read"),
            std::string::npos);
  server_.Set("/robots.txt", testing::Raw(""));
  EXPECT_EQ(Collect(server_.Url("/")).error_class, ErrorClass::kTransient);
}

TEST_F(WebCollector, AFailureKeepsItsClassAndWait) {
  server_.Set("/busy", Answer(429, "", "Retry-After: 60\r\n"));
  ResultEvent result = Collect(server_.Url("/busy"));
  EXPECT_EQ(result.error_class, ErrorClass::kTransient);
  EXPECT_EQ(result.retry_after, Millis(60'000));
  result = Collect(server_.Url("/gone"));
  EXPECT_EQ(result.error_class, ErrorClass::kPermanent);
  EXPECT_EQ(result.error, server_.Url("/gone") + " was not fetched: the server answered 404");
}

TEST_F(WebCollector, ABlockPageIsNeverContent) {
  server_.Set("/wall", Answer(200, "<title>Access Denied</title>"));
  const ResultEvent result = Collect(server_.Url("/wall"));
  EXPECT_FALSE(result.completed);
  EXPECT_EQ(result.error, server_.Url("/wall") + " is blocked: it is an \"access denied\" page");
}

TEST_F(WebCollector, PrivateHostsNeedToBeNamed) {
  settings_.erase("allow_private_hosts");
  EXPECT_EQ(Collect("http://10.0.0.1/").error,
            "http://10.0.0.1/ was not fetched: 10.0.0.1 is a private address; add 10.0.0.1 to "
            "allow_private_hosts to "
            "permit it");
  EXPECT_NE(Collect("http://localhost/").error.find("is a loopback address"), std::string::npos);
}

TEST_F(WebCollector, ExtractPrintsWhatACollectorWouldFind) {
  const auto lines = ExtractFromUrl(server_.Url("/"), "community", settings_);
  ASSERT_TRUE(lines) << lines.error().detail;
  EXPECT_NE(lines->find("Willow Bend"), std::string::npos);
  EXPECT_EQ(ExtractFromUrl(server_.Url("/gone"), "", settings_).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace forager::collectors
