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
  for (int i = 0; i < 10'000 && hub.RoomFor({}) == EventHub::Room::kYes; ++i)
    streams.push_back(Follow(hub));
  EXPECT_EQ(streams.size(), 2'000u);
  EXPECT_EQ(hub.RoomFor({}), EventHub::Room::kFull);
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

TEST(EventHub, OneCallerOrAddressTakesNotAllPlaces) {
  EventHub hub({.total = 10, .per_caller = 3});
  std::vector<std::shared_ptr<FakeStream>> streams;
  EventHub::Wish mine{{}, "", "token:1", "192.0.2.1", {}};
  for (int i = 0; i < 3; ++i) streams.push_back(Follow(hub, "", mine));
  EXPECT_EQ(hub.RoomFor(mine), EventHub::Room::kCallerFull);
  EXPECT_EQ(hub.RoomFor({{}, "", "token:2", "192.0.2.1", {}}), EventHub::Room::kCallerFull);
  EXPECT_EQ(hub.RoomFor({{}, "", "token:1", "192.0.2.2", {}}), EventHub::Room::kCallerFull);
  EXPECT_EQ(hub.RoomFor({{}, "", "token:2", "192.0.2.2", {}}), EventHub::Room::kYes);
  for (int i = 0; i < 7; ++i) streams.push_back(Follow(hub));
  EXPECT_EQ(hub.RoomFor({{}, "", "token:2", "192.0.2.2", {}}), EventHub::Room::kFull);
}

// Revoked, logged out or expired, on whichever server: what the store says counts.
TEST_F(EventsApi, AStreamEndsWithItsTokenOrSession) {
  options_.auth = true;
  Open();
  std::int64_t token_id = 0;
  ASSERT_TRUE(store_->WriteAndWait([&](store::Store& store) -> Result<void> {
    auto token = store.CreateToken("t", "viewer", HashSecret("fgr_t"), clock_.Now());
    if (!token) return std::unexpected(token.error());
    token_id = token->id;
    store::Session session{"viewer", "csrf", clock_.Now() + 1h};
    if (auto made = store.CreateSession(HashSecret("fgs_ends"), session); !made) return made;
    session.expires_at = clock_.Now() + 2h;
    return store.CreateSession(HashSecret("fgs_stays"), session);
  }));
  auto follow = [&](const char* header, const std::string& value) {
    Answered answer = Ask("GET", "/events", "", {{header, value}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    auto stream = std::make_shared<FakeStream>();
    if (answer.stream) answer.stream(stream);
    return stream;
  };
  auto token = follow("Authorization", "Bearer fgr_t");
  auto ends = follow("Cookie", "forager_session=fgs_ends");
  auto stays = follow("Cookie", "forager_session=fgs_stays");
  api_.tick();
  // A tick's reads are done before one that is asked for later.
  auto settle = [&] {
    EXPECT_TRUE(store_->WriteAndWait([](store::Store&) { return Result<void>{}; }));
  };
  settle();
  EXPECT_EQ(token.use_count(), 2) << "nothing is over yet";
  ASSERT_TRUE(store_->WriteAndWait(
      [&](store::Store& store) { return store.RevokeToken(token_id, clock_.Now()); }));
  clock_.Advance(90min);
  Until([&] {
    api_.tick();
    return token.use_count() == 1 && ends.use_count() == 1;
  });
  EXPECT_EQ(stays.use_count(), 2);
}

}  // namespace
}  // namespace forager::api
