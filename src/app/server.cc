#include "app/server.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "app/config_file.h"
#include "app/measured_store.h"
#include "app/protected_files.h"
#include "app/public_url.h"
#include "dashboard/dashboard.h"
#include "job/codec.h"
#include "os/log.h"
#include "scheduler/start_up.h"

namespace forager::app {
namespace {

using namespace std::chrono_literals;

// What is built from these is built once: the running values stay in force, and are what is shown.
void KeepUntilRestart(const Settings& running, Settings& loaded) {
  for (std::string_view name :
       {"listen", "data_dir", "database", "monitor_enabled", "lease", "log_file", "log_format",
        "allowed_hosts", "public_url", "auth", "metrics_on_loopback", "run_as", "max_connections",
        "max_connections_per_address", "max_event_streams", "max_event_streams_per_caller",
        "trusted_proxies"}) {
    auto before = std::ranges::find(running.views, name, &api::SettingView::name);
    auto after = std::ranges::find(loaded.views, name, &api::SettingView::name);
    if (before == running.views.end() || after == loaded.views.end()) continue;
    if (before->value != after->value)
      os::LogWarning(fmt::format("{} = \"{}\" takes effect after a restart", name, after->value));
    *after = *before;
  }
  loaded.monitor_enabled = running.monitor_enabled;
  loaded.lease = running.lease;
}

constexpr rlim_t kSmallestFile = 128 << 20;  // the log of the database alone may have 64 MiB

// "" or why the files of a server cannot grow as they must.
std::string RaiseFileSize() {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) getrlimit(RLIMIT_FSIZE, &limit);
  if (limit.rlim_cur == RLIM_INFINITY) return "";
  std::string may =
      fmt::format("no file may grow beyond {} KiB (ulimit -f, LimitFSIZE=)", limit.rlim_cur >> 10);
  if (limit.rlim_cur < kSmallestFile)
    return fmt::format("{}, and the database would not fit: raise it, best to unlimited", may);
  os::LogWarning(fmt::format("{}: the database can be no larger", may));
  return "";
}

// What holds attempts on this machine; without PID namespaces their trees are swept instead.
void LogSandbox() {
  auto offered = supervisor::ProbeSandbox();
  std::string line = "Sandbox:";
  for (const auto& [name, answer] : offered) line += fmt::format(" {}: {};", name, answer);
  bool held = offered["pid_namespaces"] == "yes" || offered["user_namespaces"] == "yes";
  held&& offered["mounts"] == "yes" ? os::LogInfo(line) : os::LogWarning(line);
}

}  // namespace

Server::Server(os::EventLoop& loop, SettingSources sources, Settings settings, DataDir data_dir)
    : loop_(loop),
      sources_(std::move(sources)),
      data_dir_(std::move(data_dir)),
      settings_(std::move(settings)),
      events_({static_cast<std::size_t>(settings_.max_event_streams),
               static_cast<std::size_t>(settings_.max_event_streams_per_caller)}),
      waiters_(clock_) {}

Result<std::unique_ptr<Server>> Server::Start(os::EventLoop& loop, SettingSources sources,
                                              Settings settings, bool quiet) {
  auto data_dir = DataDir::Open(settings.data_dir);
  if (!data_dir) return std::unexpected(data_dir.error());
  os::LogOptions log{settings.log_file, !quiet,
                     settings.log_json ? os::LogFormat::kJson : os::LogFormat::kText,
                     os::Severity::kInfo};
  if (std::string wrong = os::OpenLog(log); !wrong.empty()) {
    return Fail(ErrorCode::kUnavailable,
                fmt::format("The log file {} cannot be written: {}", settings.log_file, wrong));
  }
  if (std::string wrong = RaiseFileSize(); !wrong.empty())
    return Fail(ErrorCode::kUnavailable, std::move(wrong));
  if (std::string open = data_dir->Openness(); !open.empty()) os::LogWarning(open);
  for (const std::string& warning : settings.warnings) os::LogWarning(warning);
  std::unique_ptr<Server> server(
      new Server(loop, std::move(sources), std::move(settings), std::move(*data_dir)));
  for (auto step : {&Server::OpenStore, &Server::StartEngine, &Server::StartHttp}) {
    if (auto done = (server.get()->*step)(); !done) return std::unexpected(done.error());
  }
  return server;
}

Result<void> Server::OpenStore() {
  data_dir_.KeepReserve();
  store::StoreOptions options;
  if (settings_.shared()) {
    auto node = NodeOfDirectory();
    if (!node) return std::unexpected(node.error());
    node_ = *node;
    options.node = node_;
    options.postgres = settings_.database;
  } else {
    std::string given = settings_.database.substr(std::string_view("sqlite:").size());
    options.path = given.empty() ? data_dir_.File("forager.db") : given;
  }
  auto store = store::StoreService::Open(std::move(options));
  if (!store) return std::unexpected(store.error());
  store_ = Measure(
      std::move(*store), [this](double seconds, bool failed) { metrics_.Wrote(seconds, failed); },
      [this](double seconds, bool failed) { metrics_.Read(seconds, failed); });
  store_->OnCommit([this](const store::Committed& committed) {
    if (observing_.load(std::memory_order_acquire)) Committed(committed);
  });
  if (!settings_.shared()) {
    auto node = NodeOfFile();
    if (!node) return std::unexpected(node.error());
    node_ = *node;
  }
  boot_id_ = api::MakeSecret("");
  if (auto joined = Join(); !joined) return joined;
  policy_ = MakePolicy(settings_);
  metrics_.SetTypes(*settings_.types);
  return MakeAccess();
}

supervisor::SupervisorOptions Server::SupervisorSettings() const {
  supervisor::SupervisorOptions options;
  options.data_dir = data_dir_.path();
  options.run_as = geteuid() == 0 ? settings_.run_as : "";
  options.collector_settings = CollectorSettings(settings_);
  options.umask = data_dir_.umask_before();
  options.files = ProtectedFilesOf(settings_);
  options.max_connections = settings_.max_connections;
  return options;
}

scheduler::Policy Server::MakePolicy(const Settings& settings) const {
  return {node_,
          settings.shared(),
          settings.capacity,
          settings.automatic,
          settings.max_running,
          settings.max_running_per_host,
          settings.lease,
          settings.types};
}

scheduler::Policy Server::Policy() const {
  std::lock_guard lock(mutex_);
  return policy_;
}

Result<void> Server::StartEngine() {
  calls_ = std::make_unique<scheduler::StoreCalls>(loop_, *store_);
  watch_ = std::make_unique<alerts::Watch>(loop_, clock_, *store_, node_, [this] {
    return alerts::Facts{monitor_->counted(), monitor_->stuck_running(), data_dir_.FreeBytes(),
                         supervisor_->figures().keeper_restarts, store_->health()};
  });
  notifier_ = std::make_unique<Notifier>(loop_, clock_, *store_, events_);
  scheduler::RecorderHooks hooks;
  hooks.slot_freed = [this] { dispatcher_->Wake(); };
  hooks.priority_of = [this](const std::string& type) {
    return dispatcher_->policy().types->Get(type).priority;
  };
  hooks.retry_at = [this](WallTime when) { dispatcher_->WakeAt(when); };
  hooks.overflow = [this](const AttemptRef& ref) {
    supervisor_->Stop(ref, StopReason::kInterrupt, true);
  };
  hooks.refused = [this](const AttemptRef& ref) {
    supervisor_->Stop(ref, StopReason::kRefused, true);
  };
  hooks.max_pending = [this] { return max_pending(); };
  hooks.logged = [this](const AttemptRef& ref, const std::vector<LogLine>& lines) {
    notifier_->Logged(ref, lines);
  };
  hooks.turn_asked = [this](const AttemptRef& ref, const supervisor::TurnQuestion& question) {
    politeness_->Ask(ref, question);
  };
  hooks.claimed = [this](const Job& job) { metrics_.Claimed(job); };
  hooks.started = [this](const Job& job) { metrics_.Started(job, clock_.Now()); };
  hooks.ended = [this](const scheduler::Ending& ending, const scheduler::Written& written) {
    metrics_.Ended(ending, written);
    bool completed = written.decision.by == Transition::kComplete;
    if (written.in_time && (completed || written.decision.by == Transition::kFail))
      watch_->JobEnded(ending.entity_type, !completed);
  };
  recorder_ = std::make_unique<scheduler::Recorder>(loop_, clock_, *calls_, std::move(hooks));
  auto supervisor = supervisor::Supervisor::Make(loop_, clock_, SupervisorSettings(), *recorder_);
  if (!supervisor) return std::unexpected(supervisor.error());
  supervisor_ = std::move(*supervisor);
  politeness_ = std::make_unique<scheduler::Politeness>(loop_, clock_, *calls_, *supervisor_,
                                                        settings_.host_interval);
  LogSandbox();
  clock_keeper_ =
      std::make_unique<ClockKeeper>(clock_, *calls_, [this](Millis by) { ClockMoved(by); });
  // A disk that is full must not keep the server from starting.
  auto clock_was_set = settings_.shared() ? Result<bool>(false) : clock_keeper_->Resume(*store_);
  if (!clock_was_set)
    os::LogWarning("It is not known whether the clock was set: " + clock_was_set.error().detail);
  auto given_back = scheduler::GiveBackOrphans(*store_, policy_, clock_.Now());
  if (!given_back) return std::unexpected(given_back.error());
  if (*given_back > 0)
    os::LogWarning(
        fmt::format("🔁 {} job(s) of a server that ended go back to pending", *given_back));

  dispatcher_ = std::make_unique<scheduler::Dispatcher>(loop_, clock_, *calls_, *supervisor_,
                                                        *recorder_, policy_);
  orders_ = std::make_unique<scheduler::Orders>(loop_, *calls_, *supervisor_);
  monitor_ = std::make_unique<scheduler::Monitor>(
      loop_, clock_, *calls_, *supervisor_, *recorder_,
      [this]() -> const scheduler::Policy& { return dispatcher_->policy(); });
  monitor_->OnCensus([this] { Publish(); });
  pruner_ = std::make_unique<scheduler::Pruner>(loop_, clock_, *calls_, settings_.retention);
  if (clock_was_set.value_or(true)) pruner_->Hold();
  states_ = std::make_unique<scheduler::StateSweep>(loop_, *calls_, *supervisor_);
  states_->RunOnce();
  schedules_ = std::make_unique<scheduler::Schedules>(
      loop_, clock_, *calls_,
      [this]() -> const scheduler::Policy& { return dispatcher_->policy(); },
      [this] { return max_pending(); });
  if (settings_.monitor_enabled) monitor_->Start(settings_.monitor_interval, [this] { Publish(); });
  timers_.push_back(loop_.Every(100ms, [this] {
    waiters_.Tick();
    can_start_ = supervisor_->CanStart();
    leases_hold_ = !membership_ || membership_->LeasesHold();
  }));
  timers_.push_back(loop_.Every(2s, [this] { Housekeeping(); }));
  if (!settings_.shared()) timers_.push_back(loop_.Every(500ms, [this] { clock_keeper_->Look(); }));
  StartMembership();
  observing_.store(true, std::memory_order_release);
  Housekeeping();
  return {};
}

// Also anew, with the configuration that was read again.
void Server::StartWatch() {
  alerts::Config config = settings_.alerts;
  config.url = settings_.public_url.empty() ? http_->url() : settings_.public_url;
  watch_->Start(std::move(config));
  monitor_->OnReset(
      [this](store::Store& store, const std::vector<std::string>& ids, bool by_monitor,
             WallTime now) { return watch_->JobsReset(store, ids, by_monitor, now); });
}

Result<void> Server::StartHttp() {
  api::ApiOptions options;
  options.auth = settings_.auth;
  options.allowed_hosts = settings_.allowed_hosts;
  options.listen_host = settings_.listen.substr(0, settings_.listen.rfind(':'));
  options.public_url = settings_.public_url;
  options.secure = !settings_.tls_certificate.empty();
  options.version = kVersion;
  options.metrics_on_loopback = settings_.metrics_on_loopback;
  options.trusted_proxies = settings_.trusted_proxies;
  http::ServerOptions server;
  server.base_path = options.base_path = BasePath(settings_.public_url);
  options.pages = [pages = dashboard::Pages(server.base_path)](const http::Request& request) {
    return pages.Answer(request);
  };
  server.listen = settings_.listen;
  server.max_connections = settings_.max_connections;
  server.max_connections_per_address = settings_.max_connections_per_address;
  server.trusted_proxies = settings_.trusted_proxies;
  server.tls = {settings_.tls_certificate, settings_.tls_key};
  server.body_limit = api::BodyLimit;
  server.problem = api::Problem;
  api::Api made = api::MakeApi(std::move(options), *store_, *this, events_, waiters_, clock_);
  server.admit = std::move(made.admit);
  timers_.push_back(loop_.Every(1s, [tick = std::move(made.tick)] { tick(); }));
  auto listening = http::Server::Listen(std::move(server), std::move(made.handler));
  if (!listening) return std::unexpected(listening.error());
  http_ = std::move(*listening);
  login_url_ = (settings_.public_url.empty() ? http_->url() : settings_.public_url) + login_url_;
  auto noted = NoteAddress();
  if (noted) StartWatch();
  // Not before the address is ours: a start that fails must not have claimed anything.
  if (noted) {
    dispatcher_->Wake();
    schedules_->Start();
  }
  return noted;
}

// For the command line client. Who can read the file may trust the key that it names.
Result<void> Server::NoteAddress() {
  std::string pin = http_->public_key_pin();
  std::string known = fmt::format("{{\"pid\":{},\"url\":\"{}\",\"version\":\"{}\"", getpid(),
                                  http_->url(), kVersion);
  if (!pin.empty()) known += fmt::format(",\"public_key\":\"{}\"", pin);
  return data_dir_.WriteSecret("server.json", known + "}\n");
}

// False: the new files cannot be used, so nothing of the configuration is.
bool Server::ReloadTls(const Settings& loaded) {
  bool speaks = !settings_.tls_certificate.empty();
  if (speaks == loaded.tls_certificate.empty()) {
    os::LogWarning(fmt::format("{} takes effect after a restart", speaks ? "Plain HTTP" : "HTTPS"));
    return true;
  }
  if (!speaks) return true;
  auto reloaded = http_->ReloadTls({loaded.tls_certificate, loaded.tls_key});
  if (reloaded) reloaded = NoteAddress();
  if (!reloaded) os::LogError("The configuration was not read again: " + reloaded.error().detail);
  return reloaded.has_value();
}

Server::~Server() {
  waiters_.Close();
  events_.Close();
  if (http_) data_dir_.Remove("server.json");
  http_.reset();
  if (watch_) watch_->Stop();
  observing_ = false;
  stop_timer_.reset();
  timers_.clear();
  membership_.reset();
  bool at_rest = supervisor_ && supervisor_->Live().empty() && recorder_->owned() == 0;
  supervisor_.reset();
  if (at_rest) {
    // Nothing of it runs any more: the others need not wait for its lease.
    store_->Write([this](store::Store& store) { return store.LeaveNode(node_, boot_id_); },
                  [](const Result<void>&) {});
  }
  store_.reset();  // finishes its queue
}

void Server::Committed(const store::Committed& committed) {
  waiters_.Notify(committed);
  notifier_->Changed(committed);
  if (committed.orders_added) loop_.Post([this] { orders_->Check(); });
  if (!committed.schedules.empty()) loop_.Post([this] { schedules_->Wake(); });
  if (committed.requested) loop_.Post([this] { dispatcher_->Wake(); });
  if (committed.pending_added && !wake_posted_.exchange(true)) {
    loop_.Post([this] {
      wake_posted_ = false;
      if (dispatcher_->policy().automatic) dispatcher_->Wake();
    });
  }
}

// What somebody removed and a running server needs: made again.
void Server::KeepFiles() {
  data_dir_.KeepLock();
  os::KeepLogFile();
  if (http_ && data_dir_.Misses("server.json")) {
    if (NoteAddress()) os::LogWarning("server.json was removed and has been written again");
  }
}

void Server::Housekeeping() {
  KeepFiles();
  CareForDisk();
  monitor_->Census();
  Publish();
}

// When outcomes cannot be written for want of space, the reserve makes room for them.
void Server::CareForDisk() {
  if (recorder_->unwritten() > 0) {
    if (data_dir_.DiskFull() && data_dir_.SpendReserve())
      os::LogError("⚠️ The disk is full: its reserve was given to the outcomes that wait");
  } else if (store_->health().ok) {
    data_dir_.KeepReserve();
  }
}

void Server::ClockMoved(Millis by) {
  monitor_->ClockMoved(by);
  pruner_->Hold();
  membership_->Beat();
  dispatcher_->Wake();
  schedules_->Wake();
  watch_->WakeCouriers();
  Publish();
}

void Server::Publish() {
  Metrics::LoopView view{supervisor_->figures(),
                         supervisor_->Live().size(),
                         recorder_->owned(),
                         recorder_->unwritten(),
                         recorder_->figures().late_words,
                         recorder_->figures().refused,
                         recorder_->held_bytes(),
                         monitor_->resets(),
                         monitor_->status()};
  std::lock_guard lock(mutex_);
  bool ran = monitor_status_.last_run != monitor_->status().last_run ||
             monitor_status_.reset_total != monitor_->status().reset_total;
  monitor_status_ = monitor_->status();
  loop_view_ = std::move(view);
  stuck_running_ = monitor_->stuck_running();
  if (ran)
    events_.Publish("monitor",
                    fmt::format("{{\"reset_last\":{},\"reset_total\":{}}}",
                                monitor_status_.reset_last, monitor_status_.reset_total));
}

void Server::Reload() {
  os::ReopenLog();
  auto loaded = LoadSettings(sources_);
  if (!loaded)
    return os::LogError("The configuration was not read again: " + loaded.error().detail);
  // An editor is in the middle of it, or it was moved away: nobody means all of it to be forgotten.
  const std::string& file = settings_.config_file;
  std::error_code error;
  if (!file.empty() && (std::filesystem::file_size(file, error) == 0 || error))
    return os::LogError(fmt::format("The configuration was not read again: {} is {}", file,
                                    error ? error.message() : "empty"));
  if (!ReloadTls(*loaded)) return;
  KeepUntilRestart(settings_, *loaded);
  bool other_interval = loaded->monitor_interval != settings_.monitor_interval;
  scheduler::Policy policy = MakePolicy(*loaded);
  pruner_->SetRetention(loaded->retention);
  metrics_.SetTypes(*loaded->types);
  {
    std::lock_guard lock(mutex_);
    policy_ = policy;
    settings_ = std::move(*loaded);
  }
  dispatcher_->SetPolicy(std::move(policy));
  politeness_->SetHostInterval(settings_.host_interval);
  supervisor_->SetCollectorSettings(CollectorSettings(settings_));
  supervisor_->SetProtectedFiles(ProtectedFilesOf(settings_));
  if (other_interval && settings_.monitor_enabled) {
    monitor_->Start(settings_.monitor_interval, [this] { Publish(); });
    Publish();
  }
  StartWatch();
  for (const std::string& warning : settings_.warnings) os::LogWarning(warning);
  os::LogInfo("The configuration was read again");
}

void Server::Stop(std::function<void()> stopped) {
  os::Steady now = clock_.SteadyNow();
  if (stopping_.exchange(true)) {
    stop_force_ = now;
    return;
  }
  os::LogInfo("Stopping: no new jobs are started, running ones go back to pending");
  stopped_ = std::move(stopped);
  stop_force_ = now + 20s;
  stop_end_ = now + 28s;
  dispatcher_->Stop();
  schedules_->Stop();
  for (const AttemptRef& ref : supervisor_->Live())
    supervisor_->Stop(ref, StopReason::kInterrupt, false);
  AwaitStop();
}

void Server::AwaitStop() {
  os::Steady now = clock_.SteadyNow();
  // What a lost database does not take now it will never take.
  bool written = recorder_->owned() == 0 || store_->health().lost;
  bool empty = supervisor_->Live().empty() && written;
  if (empty || now >= stop_end_) return stopped_();
  if (now >= stop_force_ && !forced_) {
    forced_ = true;
    stop_end_ = std::min(stop_end_, now + 5s);
    for (const AttemptRef& ref : supervisor_->Live())
      supervisor_->Stop(ref, StopReason::kInterrupt, true);
  }
  stop_timer_ = loop_.After(20ms, [this] { AwaitStop(); });
}

}  // namespace forager::app
