// GET /events: the hub and its route.
#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

using testing::HasSubstr;
using testing::Not;

class FakeStream : public http::EventStream {
 public:
  bool Send(std::string text) override {
    if (closed) return false;
    sent += text;
    return true;
  }
  bool Closed() const override { return closed; }
  std::string LastId() const {
    std::size_t at = sent.rfind("id: ") + 4;
    return sent.substr(at, sent.find('\n', at) - at);
  }
  std::string sent;
  bool closed = false;
};

std::shared_ptr<FakeStream> Follow(EventHub& hub, const std::string& last = "",
                                   EventHub::Wish wish = {}) {
  auto stream = std::make_shared<FakeStream>();
  hub.Subscribe(stream, last, std::move(wish));
  return stream;
}

TEST(EventHub, SendsWhatHappensToAll) {
  EventHub hub;
  hub.Publish("job", "{\"before\":1}");
  auto a = Follow(hub), b = Follow(hub);
  hub.Publish("job", "{\"n\":1}", "JOB-1");
  EXPECT_THAT(a->sent, HasSubstr("event: job\ndata: {\"n\":1}\n\n"));
  EXPECT_THAT(a->sent, Not(HasSubstr("before")));
  EXPECT_EQ(a->sent, b->sent);
}

TEST(EventHub, FiltersByTypeAndJob) {
  EventHub hub;
  auto logs = Follow(hub, "", {{"log"}, ""});
  auto mine = Follow(hub, "", {{}, "JOB-1"});
  hub.Publish("job", "1", "JOB-1");
  hub.Publish("log", "2", "JOB-2");
  hub.Publish("stats", "3");
  EXPECT_THAT(logs->sent, HasSubstr("data: 2"));
  EXPECT_THAT(logs->sent, Not(HasSubstr("data: 1")));
  EXPECT_THAT(mine->sent, HasSubstr("data: 1"));
  EXPECT_THAT(mine->sent, Not(HasSubstr("data: 2")));
  EXPECT_THAT(mine->sent, Not(HasSubstr("data: 3")));
}

TEST(EventHub, ResumesAfterTheLastEventSeen) {
  EventHub hub;
  auto first = Follow(hub);
  hub.Publish("job", "1");
  std::string last = first->LastId();
  hub.Publish("job", "2");
  hub.Publish("job", "3");
  auto again = Follow(hub, last);
  EXPECT_THAT(again->sent, HasSubstr("data: 2"));
  EXPECT_THAT(again->sent, HasSubstr("data: 3"));
  EXPECT_THAT(again->sent, Not(HasSubstr("data: 1\n")));
  EXPECT_THAT(again->sent, Not(HasSubstr("event: reset")));
}

TEST(EventHub, SaysResetWhenItCannotResume) {
  EventHub hub;
  auto first = Follow(hub);
  hub.Publish("job", "1");
  std::string last = first->LastId();
  for (int i = 0; i < 5'000; ++i) hub.Publish("job", "2");
  EXPECT_THAT(Follow(hub, last)->sent, HasSubstr("event: reset"));
  EXPECT_THAT(Follow(hub, "00000000-5")->sent, HasSubstr("event: reset"));
  EXPECT_THAT(Follow(hub, "nonsense")->sent, HasSubstr("event: reset"));
  auto reset = Follow(hub, "nonsense");
  EXPECT_THAT(Follow(hub, reset->LastId())->sent, Not(HasSubstr("event: reset")));
}

TEST(EventHub, GoesOnForAReaderThatMayComeBackButNotForEver) {
  EventHub hub;
  EXPECT_FALSE(hub.InDemand());
  auto stream = Follow(hub);
  EXPECT_TRUE(hub.InDemand());
  stream->closed = true;
  hub.KeepAlive();
  EXPECT_EQ(stream.use_count(), 1) << "it was dropped";
  EXPECT_TRUE(hub.InDemand());
  for (int i = 0; i < 40; ++i) hub.KeepAlive();
  EXPECT_FALSE(hub.InDemand());
}

TEST(EventHub, TakesABoundedNumberOfReaders) {
  EventHub hub;
  std::vector<std::shared_ptr<FakeStream>> streams;
  for (int i = 0; i < 1'000 && !hub.Full(); ++i) streams.push_back(Follow(hub));
  EXPECT_TRUE(hub.Full());
  hub.Close();
  EXPECT_FALSE(hub.InDemand());
  EXPECT_EQ(streams[0].use_count(), 1);
}

TEST(EventHub, ALineBreakInTheDataStaysInside) {
  EventHub hub;
  auto stream = Follow(hub);
  hub.Publish("job", "a\nb");
  EXPECT_THAT(stream->sent, HasSubstr("data: a\ndata: b\n\n"));
}

class EventsApi : public ApiTest {};

TEST_F(EventsApi, TheRouteOpensAStream) {
  Answered answer = Ask("GET", "/events?types=job,log&job_id=JOB-1");
  EXPECT_EQ(answer.content_type, "text/event-stream");
  ASSERT_TRUE(answer.stream);
  auto stream = std::make_shared<FakeStream>();
  answer.stream(stream);
  events_.Publish("job", "1", "JOB-1");
  events_.Publish("stats", "2", "JOB-1");
  EXPECT_THAT(stream->sent, HasSubstr("data: 1"));
  EXPECT_THAT(stream->sent, Not(HasSubstr("data: 2")));
  EXPECT_EQ(Ask("GET", "/events?types=jobs").status, 422);
}

}  // namespace
}  // namespace forager::api
