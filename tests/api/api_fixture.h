// A whole API on a real store in a fresh folder, asked without a socket. The running server behind
// it (Control) is a fake that remembers what it was told.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <future>

#include "api/api.h"
#include "api/routes.h"
#include "job/codec.h"

namespace forager::api {

namespace json = boost::json;
using namespace std::chrono_literals;

class TestClock : public os::Clock {
 public:
  os::Wall Now() const override { return os::Wall(wall_.load()); }
  os::Steady SteadyNow() const override { return os::Steady(steady_.load()); }
  void Advance(std::chrono::milliseconds by) {
    wall_ = wall_.load() + by;
    steady_ = steady_.load() + by;
  }

 private:
  std::atomic<std::chrono::milliseconds> wall_{1'795'000'000'000ms};
  std::atomic<std::chrono::milliseconds> steady_{1'000'000ms};
};

class FakeControl : public Control {
 public:
  std::string node() const override { return "node-1"; }
  bool automatic() const override { return automatic_mode; }
  store::ClaimLimits limits() const override { return claim_limits; }
  Millis lease() const override { return 15s; }
  std::shared_ptr<const TypeCatalog> types() const override {
    TypeSettings property;
    property.entity_type = "property";
    property.collector = "web";
    property.priority = 3;
    return std::make_shared<TypeCatalog>(
        TypeSettings{}, std::map<std::string, TypeSettings>{{"property", property}});
  }
  std::int64_t max_pending() const override { return pending_bound; }
  std::vector<SettingView> settings() const override {
    return {{"listen", "127.0.0.1:8080", "default"}};
  }
  MonitorStatus monitor() const override { return monitor_status; }
  int capacity() const override { return node_capacity; }
  std::optional<NoStart> why_no_start() const override {
    if (stopping) return NoStart{"shutting_down", "The server is shutting down."};
    return no_start;
  }
  void StartClaimed(std::vector<Job> jobs) override {
    std::lock_guard lock(mutex);
    for (Job& job : jobs) started.push_back(std::move(job));
  }
  std::optional<TurnWait> turn_wait(const AttemptRef& ref) const override {
    auto found = turn_waits.find(ref);
    return found == turn_waits.end() ? std::nullopt : std::optional(found->second);
  }
  void ResetStuck(Millis timeout, bool requeue,
                  std::function<void(Result<StuckReset>)> done) override {
    reset_timeout = timeout;
    reset_requeue = requeue;
    done(reset_answer);
  }
  void LiveAttempts(const std::string& job_id,
                    std::function<void(std::vector<LiveAttempt>)> done) override {
    std::vector<LiveAttempt> asked;
    for (const LiveAttempt& each : live) {
      if (job_id.empty() || each.ref.job_id == job_id) asked.push_back(each);
    }
    done(asked);
  }
  std::optional<int> stuck_running() const override { return stuck; }
  std::optional<int> stuck = 0;
  std::string metrics(const JobFigures& jobs) const override {
    return jobs.totals ? fmt::format("forager_types {}\n", jobs.totals->size()) : "unread\n";
  }
  std::vector<AlertReceiver> alert_receivers() const override { return receivers; }
  Result<std::int64_t> QueueTestAlert(store::Store& store, const std::string& receiver,
                                      WallTime now) override {
    return store.QueueMessage({std::nullopt, receiver, "test", "{}", now}, now);
  }
  void CancelUnstored(const std::string&, bool, std::function<void(bool)> done) override {
    done(false);
  }
  void AlertsQueued() override { ++alerts_queued; }
  bool shutting_down() const override { return stopping; }

  std::mutex mutex;
  std::map<AttemptRef, TurnWait> turn_waits;
  std::vector<Job> started;
  bool automatic_mode = false;
  store::ClaimLimits claim_limits;
  std::int64_t pending_bound = 1'000'000;
  MonitorStatus monitor_status;
  Millis reset_timeout{-1};
  bool reset_requeue = false;
  Result<StuckReset> reset_answer = StuckReset{};
  bool stopping = false;
  int node_capacity = 0;
  std::optional<NoStart> no_start;
  std::vector<AlertReceiver> receivers;
  int alerts_queued = 0;
  std::vector<LiveAttempt> live;
};

// One answer, with its body read as JSON where it is JSON.
struct Answered {
  int status = 0;
  http::Headers headers;
  std::string body;
  std::string content_type;
  std::function<void(std::shared_ptr<http::EventStream>)> stream;

  json::value Json() const { return json::parse(body); }
  std::string Header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return "";
  }
  std::string Text(std::string_view pointer) const {
    return std::string(Json().at_pointer(pointer).as_string());
  }
  std::int64_t Int(std::string_view pointer) const { return Json().at_pointer(pointer).as_int64(); }
  std::string detail() const { return Text("/detail"); }
};

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    options_.auth = false;
    options_.version = "0.1.0";
    options_.listen_host = "127.0.0.1";
    std::string pattern = (std::filesystem::temp_directory_path() / "api-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    store::StoreOptions options;
    options.path = (folder_ / "jobs.db").string();
    auto opened = store::StoreService::Open(options);
    if (!opened) throw std::runtime_error(opened.error().detail);
    store_ = std::move(*opened);
    store_->OnCommit([this](const store::Committed& committed) { waiters_.Notify(committed); });
    Open();
  }
  ~ApiTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // With the options as they are now.
  void Open() { api_ = MakeApi(options_, *store_, control_, events_, waiters_, clock_); }

  std::future<Answered> Send(const std::string& method, const std::string& target,
                             const std::string& body = "", http::Headers headers = {}) {
    http::Request request;
    request.id = "request-1";
    request.head_only = method == "HEAD";
    request.method = request.head_only ? "GET" : method;
    request.peer = peer_;
    std::size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (!request.path.starts_with("//"))
      request.path.insert(0, kBase);
    else
      request.path.erase(0, 1);
    if (mark != target.npos) AddQuery(request, target.substr(mark + 1));
    request.headers = std::move(headers);
    if (request.Header("Host").empty()) request.headers.emplace_back("Host", "127.0.0.1:8080");
    request.body = body;
    auto promise = std::make_shared<std::promise<Answered>>();
    auto future = promise->get_future();
    api_.handler(std::move(request), [promise](http::Response response) {
      promise->set_value({response.status, std::move(response.headers), std::move(response.body),
                          std::move(response.content_type), std::move(response.stream)});
    });
    return future;
  }

  // Targets are under the base; "//healthz" is at the root.
  Answered Ask(const std::string& method, const std::string& target, const std::string& body = "",
               http::Headers headers = {}) {
    return Wait(Send(method, target, body, std::move(headers)));
  }
  Answered Get(const std::string& target) { return Ask("GET", target); }
  Answered Post(const std::string& target, const std::string& body = "") {
    return Ask("POST", target, body);
  }

  static Answered Wait(std::future<Answered> future) {
    if (future.wait_for(10s) != std::future_status::ready) throw std::runtime_error("no answer");
    return future.get();
  }

  // The id of a new job.
  std::string Submitted(const std::string& more = "") {
    Answered made =
        Post("/jobs", R"({"entity_type":"property","job_type":"discovery")" + more + "}");
    EXPECT_EQ(made.status, 201) << made.body;
    return made.Text("/job_id");
  }
  std::string Running() {
    std::string id = Submitted();
    EXPECT_EQ(Post("/jobs/" + id + "/start").status, 202);
    return id;
  }
  // The attempt ends, and its process tree is gone.
  void End(const std::string& id, bool completed) {
    auto written = store_->WriteAndWait([&](store::Store& store) -> Result<void> {
      store::AttemptFinal final;
      final.news.ref = {id, store.Find(id)->attempt};
      final.outcome = completed ? "completed" : "permanent";
      if (!completed) final.error_message = "it broke";
      final.released = true;
      auto ended =
          completed ? store.Complete(final, clock_.Now()) : store.Fail(final, clock_.Now());
      EXPECT_TRUE(ended && *ended);
      return {};
    });
    ASSERT_TRUE(written) << written.error().detail;
  }
  std::string Completed() {
    std::string id = Running();
    End(id, true);
    return id;
  }
  std::string Failed() {
    std::string id = Running();
    End(id, false);
    return id;
  }
  // Something on another thread comes true.
  static void Until(const std::function<bool()>& condition) {
    auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("never came true");
      std::this_thread::yield();
    }
  }
  std::string StatusOf(const std::string& id) { return Get("/jobs/" + id).Text("/status"); }

  ApiOptions options_;
  std::string peer_ = "192.0.2.7";
  TestClock clock_;
  FakeControl control_;
  EventHub events_;
  JobWaiters waiters_{clock_};
  std::filesystem::path folder_;
  std::unique_ptr<store::StoreService> store_;
  Api api_;

 private:
  static void AddQuery(http::Request& request, std::string query) {
    while (!query.empty()) {
      std::string pair = query.substr(0, query.find('&'));
      query.erase(0, pair.size() + 1);
      std::size_t equals = pair.find('=');
      request.query.emplace_back(pair.substr(0, equals),
                                 equals == pair.npos ? "" : pair.substr(equals + 1));
    }
  }
};

}  // namespace forager::api
