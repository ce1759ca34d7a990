// Commands that know nothing of our protocol: what works is left alone, what hangs is stopped.
#include "tests/supervisor/supervisor_fixture.h"

namespace forager::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kPython = "/usr/bin/python3";

// Silent unless it says otherwise; `serve` answers one connection after the other in a child.
constexpr const char* kTools = R"(
import os, socket, time
def serve(answer):
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(8)
    if os.fork() == 0:
        while True:
            c, _ = s.accept(); c.recv(4096); answer(c)
    return s.getsockname()
def connect(to):
    c = socket.create_connection(to); c.sendall(b'GET /a/page/of/some/length HTTP/1.0\r\nHost: example.com\r\n\r\n'); return c
end = time.monotonic() + 6
)";

AttemptSpec Python(const std::string& text) {
  AttemptSpec spec = Command({kPython, "-c", kTools + text});
  spec.stall_timeout = seconds(2);
  spec.heartbeat_timeout = milliseconds(500);  // rests
  return spec;
}

class Strangers : public SupervisorTest {
 protected:
  void SetUp() override {
    SupervisorTest::SetUp();
    Open();
  }
  void ExpectDone(AttemptSpec spec) {
    AttemptEnd end = Run(std::move(spec));
    EXPECT_EQ(end.stop, StopReason::kNone) << end.stop_detail << end.snapshot.value_or("");
    ASSERT_TRUE(std::holds_alternative<Exited>(end.process));
    EXPECT_EQ(std::get<Exited>(end.process).code, 0) << witness_.Output(Ref(1));
  }
  void ExpectStopped(AttemptSpec spec, StopReason reason) {
    auto began = os::SystemClock().SteadyNow();
    AttemptEnd end = Run(std::move(spec));
    EXPECT_EQ(end.stop, reason) << witness_.Output(Ref(1));
    EXPECT_LT(os::SystemClock().SteadyNow() - began, seconds(8));
    EXPECT_TRUE(NothingIsLeft());
  }
};

TEST_F(Strangers, TheirHeartbeatRestsUnlessItWasSet) {
  AttemptSpec spec = Python("time.sleep(1.5)");
  spec.stall_timeout = seconds(20);
  ExpectDone(std::move(spec));
  AttemptSpec set = Command({kPython, "-c", "import time\ntime.sleep(60)"}, 2);
  set.heartbeat_timeout = seconds(1);
  set.heartbeat_set = true;
  ExpectStopped(std::move(set), StopReason::kHeartbeatLost);
  EXPECT_EQ(witness_.ended[Ref(2)].stop_detail,
            "no output, no CPU time used and no bytes moved for 1 s");
}

TEST_F(Strangers, AParserThatComputesIsAliveByTheHeartbeatThatWasSet) {
  AttemptSpec spec = Python("while time.monotonic() < end: pass");
  spec.heartbeat_timeout = seconds(2);
  spec.heartbeat_set = true;
  spec.stall_timeout = seconds(30);
  ExpectDone(std::move(spec));
}

TEST_F(Strangers, ABusyLoopIsStopped) {
  AttemptSpec spec = Python("while True: pass");
  spec.heartbeat_set = true;
  spec.heartbeat_timeout = seconds(2);
  ExpectStopped(std::move(spec), StopReason::kStalled);
  EXPECT_EQ(witness_.ended[Ref(1)].stop_detail, "no new output and no bytes moved for 2 s");
}

TEST_F(Strangers, ADownloadThatTricklesIsAlive) {
  ExpectDone(Python(R"(
def trickle(c):
    while True: c.sendall(b'x'); time.sleep(.3)
c = connect(serve(trickle))
while time.monotonic() < end: c.recv(100)
)"));
}

TEST_F(Strangers, PagesOnConnectionsTooShortToBeSeenAreSigns) {
  ExpectDone(Python(R"(
import urllib.request
def answer(c):
    c.sendall(b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'); c.close()
to = serve(answer)
while time.monotonic() < end:
    urllib.request.urlopen('http://%s:%d/' % to).read(); time.sleep(.7)
)"));
}

TEST_F(Strangers, APageThatNeverComesIsStopped) {
  ExpectStopped(Python("c = connect(serve(lambda c: time.sleep(60)))\nc.recv(1)"),
                StopReason::kStalled);
}

TEST_F(Strangers, AConnectionThatIsOnlyKeptAliveIsStopped) {
  AttemptSpec spec = Python(R"(
def ping(c):
    while True: c.sendall(b'ping'); c.recv(4); time.sleep(1)
c = connect(serve(ping))
while True: c.recv(4); c.sendall(b'pong')
)");
  spec.stall_timeout = seconds(4);
  ExpectStopped(std::move(spec), StopReason::kStalled);
}

TEST_F(Strangers, BytesThatGoToAFileAreSigns) {
  ExpectDone(Python(R"(
f = open('items.jsonl', 'w')
while time.monotonic() < end:
    f.write('{"name": "an item"}\n'); f.flush(); time.sleep(.4)
)"));
}

TEST_F(Strangers, NewLinesAreSigns) {
  AttemptSpec spec =
      Command({"/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.5; done"});
  spec.stall_timeout = seconds(2);
  ExpectDone(std::move(spec));
}

TEST_F(Strangers, ALineSaidAgainAndAgainIsNone) {
  AttemptSpec spec = Command(
      {"/bin/sh", "-c", "while :; do echo waiting; echo \"$(date) waiting\" >&2; sleep 0.2; done"});
  spec.stall_timeout = seconds(2);
  ExpectStopped(std::move(spec), StopReason::kStalled);
}

TEST_F(Strangers, AnIdleEventLoopIsStopped) {
  AttemptSpec spec = Python(R"(
r, w = os.pipe()
while True: os.write(w, b'x' * 8); os.read(r, 8); time.sleep(.05)
)");
  ExpectStopped(std::move(spec), StopReason::kStalled);
}

TEST_F(Strangers, SaysWhatWasSeenOfThem) {
  AttemptSpec spec = Python("print('ready', flush=True)\nwhile True: pass");
  spec.stall_timeout = seconds(20);
  RunAndThen(std::move(spec), "ready", [&] {
    auto watched = supervisor_->Watching(Ref(1).job_id);
    ASSERT_EQ(watched.size(), 1u);
    EXPECT_FALSE(watched[0].speaks);
    EXPECT_TRUE(watched[0].heartbeat.rests);
    EXPECT_TRUE(watched[0].signs.starts_with("Signs of life: output ")) << watched[0].signs;
    EXPECT_TRUE(supervisor_->Watching("JOB-1-NOBODY").empty());
    supervisor_->Stop(Ref(1), StopReason::kCancel, true);
  });
}

}  // namespace
}  // namespace forager::supervisor
