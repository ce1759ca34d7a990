#include "app/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>
#include <set>
#include <sstream>

#include "app/process_figures.h"
#include "os/clock.h"

namespace forager::app {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = prometheus::Labels;
using Buckets = prometheus::Histogram::BucketBoundaries;

constexpr const char* kOther = "other";
constexpr std::size_t kTypesShownFromStart = 50;  // with a zero for every outcome

// Seconds. A job waits between milliseconds and hours, and runs as long.
const Buckets kWaits = {0.005, 0.01, 0.025, 0.05, 0.1,   0.25,  0.5,   1,
                        5,     30,   60,    300,  1'800, 7'200, 43'200};
const Buckets kRuns = {0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 900, 1'800, 3'600, 14'400};
const Buckets kStarts = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};
const Buckets kStoreTimes = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                             0.025,  0.05,    0.1,    0.25,  1,      5};

double Seconds(Millis span) { return std::max(0.0, std::chrono::duration<double>(span).count()); }

double UnixSeconds(WallTime when) {
  return std::chrono::duration<double>(when.time_since_epoch()).count();
}

std::string_view StopName(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return "";
    case StopReason::kHeartbeatLost:
      return "heartbeat_lost";
    case StopReason::kStalled:
      return "stalled";
    case StopReason::kTimedOut:
      return "timed_out";
    case StopReason::kMemory:
      return "memory";
    case StopReason::kProcesses:
      return "processes";
    case StopReason::kScratch:
      return "scratch";
    case StopReason::kCancel:
      return "cancel";
    case StopReason::kReset:
      return "reset";
    case StopReason::kInterrupt:
      return "interrupt";
    case StopReason::kFenced:
      return "fenced";
    case StopReason::kLeaseLost:
      return "lease_lost";
    case StopReason::kSaidAll:
      return "said_all";
    case StopReason::kRefused:
      return "refused";
  }
  return "";
}

constexpr StopReason kStopReasons[] = {
    StopReason::kHeartbeatLost, StopReason::kStalled, StopReason::kTimedOut,  StopReason::kMemory,
    StopReason::kProcesses,     StopReason::kScratch,
    StopReason::kCancel,        StopReason::kReset,   StopReason::kInterrupt, StopReason::kFenced,
    StopReason::kLeaseLost,     StopReason::kSaidAll, StopReason::kRefused};

std::vector<std::string> AllOutcomes() {
  std::vector<std::string> all = {"completed", "cancelled"};
  for (int i = 0; i <= static_cast<int>(ErrorClass::kReset); ++i)
    all.emplace_back(Name(static_cast<ErrorClass>(i)));
  return all;
}

template <typename Builder>
auto& Make(prometheus::Registry& registry, Builder builder, const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

// The families of one scrape, written in the order they were added.
class Page {
 public:
  void Gauge(std::string name, std::string help, double value) {
    Open(std::move(name), std::move(help), MetricType::Gauge).metric.push_back(Sample({}, value));
  }
  void Counter(std::string name, std::string help, std::uint64_t value) {
    Add(Open(std::move(name), std::move(help), MetricType::Counter), {},
        static_cast<double>(value));
  }
  MetricFamily& Open(std::string name, std::string help, MetricType type) {
    return families_.emplace_back(MetricFamily{std::move(name), std::move(help), type, {}});
  }
  static void Add(MetricFamily& family, const Labels& labels, double value) {
    family.metric.push_back(Sample(labels, value));
  }
  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  // One of the two is written, by the family's type.
  static prometheus::ClientMetric Sample(const Labels& labels, double value) {
    prometheus::ClientMetric metric;
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    metric.gauge.value = metric.counter.value = value;
    return metric;
  }

  std::vector<MetricFamily> families_;
};

}  // namespace

struct Metrics::Series {
  const double started = UnixSeconds(os::SystemClock().Now());
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& ended =
      Make(registry, prometheus::BuildCounter(), "forager_attempts_ended_total",
           "Attempts that ended, by entity type and outcome.");
  prometheus::Family<prometheus::Counter>& retries =
      Make(registry, prometheus::BuildCounter(), "forager_retries_total",
           "Automatic retries, by entity type.");
  prometheus::Family<prometheus::Counter>& stopped =
      Make(registry, prometheus::BuildCounter(), "forager_attempts_stopped_total",
           "Attempts that were stopped from outside, by reason.");
  prometheus::Family<prometheus::Histogram>& runs =
      Make(registry, prometheus::BuildHistogram(), "forager_attempt_duration_seconds",
           "From the claim of an attempt to its end, by entity type.");
  prometheus::Family<prometheus::Histogram>& waits =
      Make(registry, prometheus::BuildHistogram(), "forager_job_pickup_seconds",
           "From the moment a job was due to its claim, by entity type.");
  prometheus::Histogram& starts =
      Make(registry, prometheus::BuildHistogram(), "forager_attempt_start_seconds",
           "From the claim of an attempt until its process runs.")
          .Add({}, kStarts);
  prometheus::Histogram& writes =
      Make(registry, prometheus::BuildHistogram(), "forager_store_write_seconds",
           "From asking the store to write until it is committed.")
          .Add({}, kStoreTimes);
  prometheus::Histogram& reads =
      Make(registry, prometheus::BuildHistogram(), "forager_store_read_seconds",
           "From asking the store to read until it is answered.")
          .Add({}, kStoreTimes);
  prometheus::Family<prometheus::Counter>& errors =
      Make(registry, prometheus::BuildCounter(), "forager_store_errors_total",
           "Units of work that the store could not do, by operation.");
  prometheus::Counter& write_errors = errors.Add({{"operation", "write"}});
  prometheus::Counter& read_errors = errors.Add({{"operation", "read"}});

  mutable std::mutex mutex;  // guards types
  std::set<std::string> types;

  std::string Label(const std::string& entity_type) const {
    std::lock_guard lock(mutex);
    return types.contains(entity_type) ? entity_type : kOther;
  }
};

Metrics::Metrics() : series_(std::make_unique<Series>()) {
  for (StopReason reason : kStopReasons)
    series_->stopped.Add({{"reason", std::string(StopName(reason))}});
}

Metrics::~Metrics() = default;

void Metrics::SetTypes(const TypeCatalog& types) {
  std::set<std::string> names;
  for (const auto& [name, type] : types.types()) names.insert(name);
  std::vector<std::string> shown(names.begin(), names.end());
  if (shown.size() > kTypesShownFromStart) shown.clear();
  shown.emplace_back(kOther);
  // A counter that begins at zero: else its first event would be no increase.
  for (const std::string& type : shown) {
    for (const std::string& outcome : AllOutcomes())
      series_->ended.Add({{"entity_type", type}, {"outcome", outcome}});
  }
  std::lock_guard lock(series_->mutex);
  series_->types = std::move(names);
}

void Metrics::Claimed(const Job& job) {
  if (!job.started_at) return;
  WallTime due = std::max(job.created_at, job.run_at.value_or(job.created_at));
  series_->waits.Add({{"entity_type", series_->Label(job.entity_type)}}, kWaits)
      .Observe(Seconds(*job.started_at - due));
}

void Metrics::Started(const Job& job, WallTime now) {
  if (job.started_at) series_->starts.Observe(Seconds(now - *job.started_at));
}

void Metrics::Ended(const scheduler::Ending& ending, const scheduler::Written& written) {
  std::string type = series_->Label(ending.entity_type);
  series_->ended.Add({{"entity_type", type}, {"outcome", OutcomeName(written.outcome)}})
      .Increment();
  if (ending.ran) {
    series_->runs.Add({{"entity_type", type}}, kRuns).Observe(Seconds(*ending.ran));
  }
  if (written.in_time && written.decision.by == Transition::kRetry)
    series_->retries.Add({{"entity_type", type}}).Increment();
  if (std::string_view reason = StopName(ending.end.stop); !reason.empty())
    series_->stopped.Add({{"reason", std::string(reason)}}).Increment();
}

void Metrics::Wrote(double seconds, bool failed) {
  series_->writes.Observe(seconds);
  if (failed) series_->write_errors.Increment();
}

void Metrics::Read(double seconds, bool failed) {
  series_->reads.Observe(seconds);
  if (failed) series_->read_errors.Increment();
}

namespace {

// Nothing when the store cannot be read: an absent figure is better than a wrong zero.
void AddJobs(Page& page, const api::JobFigures& jobs, const std::set<std::string>& types) {
  if (!jobs.totals) return;
  std::map<std::string, std::map<State, std::int64_t>> counts;
  for (const store::TypeTotals& totals : *jobs.totals) {
    auto& sum = counts[types.contains(totals.entity_type) ? totals.entity_type : kOther];
    for (const auto& [state, count] : totals.jobs) sum[state] += count;
  }
  MetricFamily& family = page.Open(
      "forager_jobs", "Jobs in the database, by entity type and status.", MetricType::Gauge);
  for (const auto& [type, states] : counts) {
    for (const auto& [state, count] : states) {
      Page::Add(family, {{"entity_type", type}, {"status", std::string(Name(state))}},
                static_cast<double>(count));
    }
  }
  page.Gauge("forager_oldest_pending_seconds",
             "Age of the oldest pending job; 0 when there is none.", jobs.oldest_pending_seconds);
}

void AddLoop(Page& page, const Metrics::LoopView& loop) {
  page.Counter("forager_late_words_total",
               "Results, progress and logs of attempts that had lost their job: refused.",
               loop.late_words);
  MetricFamily& resets =
      page.Open("forager_resets_total",
                "Jobs reset because they were stuck, by who found them and what was behind them.",
                MetricType::Counter);
  for (const auto& [kind, count] : loop.resets) {
    Page::Add(resets, {{"by", std::string(kind.by)}, {"reason", std::string(kind.reason)}},
              static_cast<double>(count));
  }
  page.Gauge("forager_outcomes_waiting", "Outcomes that wait for a store that cannot be written.",
             static_cast<double>(loop.unwritten));
  page.Gauge("forager_news_waiting_bytes",
             "What attempts said and is not stored yet: logs, items, child jobs.",
             static_cast<double>(loop.held_bytes));
  page.Counter("forager_outcomes_refused_total",
               "News and outcomes that the database refused for good: given up, with an error.",
               loop.refused);
  page.Counter("forager_attempts_started_total", "Attempts whose process was started.",
               loop.supervised.started);
  page.Counter("forager_attempts_killed_total", "Attempts whose process tree was sent SIGKILL.",
               loop.supervised.killed);
  page.Counter("forager_keeper_restarts_total", "Keepers that died or froze and were replaced.",
               loop.supervised.keeper_restarts);
  page.Gauge("forager_slots_quarantined", "Slots held by processes that cannot be killed.",
             static_cast<double>(loop.supervised.quarantined));
  page.Gauge("forager_attempts_live",
             "Attempts of this server whose process tree is not proven empty.",
             static_cast<double>(loop.live));
  page.Gauge("forager_monitor_last_run_timestamp_seconds",
             "When the monitor last looked for stuck jobs; 0 before its first look.",
             loop.monitor.last_run ? UnixSeconds(*loop.monitor.last_run) : 0);
  page.Gauge("forager_monitor_failing", "1 when the monitor's last look failed.",
             loop.monitor.last_error ? 1 : 0);
}

void AddStore(Page& page, const Metrics::Reading& reading) {
  const auto& store = reading.store;
  page.Gauge("forager_store_healthy", "1 while the store can be written.",
             reading.health.ok ? 1 : 0);
  page.Counter("forager_store_commits_total", "Transactions committed.", store.commits);
  page.Counter("forager_store_writes_total", "Units of work written; many share a commit.",
               store.writes);
  page.Counter("forager_store_failed_commits_total", "Transactions that could not be committed.",
               store.failed_commits);
  page.Gauge("forager_store_queue", "Units of work that wait for the writer.",
             static_cast<double>(store.queue));
  page.Gauge("forager_store_wal_bytes", "Size of the write-ahead log.",
             static_cast<double>(store.wal_bytes));
  page.Gauge("forager_disk_free_bytes", "Space left where the data directory is.",
             static_cast<double>(reading.disk_free_bytes));
}

void AddProcess(Page& page, double started) {
  ProcessFigures process = ReadProcessFigures();
  MetricFamily& cpu = page.Open("process_cpu_seconds_total",
                                "User and system processor time of the server, without attempts.",
                                MetricType::Counter);
  Page::Add(cpu, {}, process.cpu_seconds);
  page.Gauge("process_resident_memory_bytes", "Resident memory of the server.",
             static_cast<double>(process.resident_bytes));
  page.Gauge("process_virtual_memory_bytes", "Virtual memory of the server.",
             static_cast<double>(process.virtual_bytes));
  page.Gauge("process_open_fds", "Open file descriptors.", static_cast<double>(process.open_fds));
  page.Gauge("process_max_fds", "File descriptors that may be open.",
             static_cast<double>(process.max_fds));
  page.Gauge("process_threads", "Threads of the server.", static_cast<double>(process.threads));
  page.Gauge("process_start_time_seconds", "When the server started.", started);
}

}  // namespace

std::string Metrics::Write(const Reading& reading) const {
  Page page;
  Page::Add(page.Open("forager_build_info", "1, with the version as label.", MetricType::Gauge),
            {{"version", reading.version}}, 1);
  {
    std::lock_guard lock(series_->mutex);
    AddJobs(page, reading.jobs, series_->types);
  }
  if (reading.stuck_running)
    page.Gauge("forager_stuck_running",
               "Running rows with nothing alive behind them; must be 0. Absent while not known.",
               *reading.stuck_running);
  page.Gauge("forager_max_running", "Jobs that may run at a time.", reading.max_running);
  AddLoop(page, reading.loop);
  AddStore(page, reading);
  page.Counter("forager_http_requests_total", "Requests answered.", reading.http.requests);
  page.Gauge("forager_http_connections", "Open connections.",
             static_cast<double>(reading.http.connections));
  page.Counter("forager_http_refused_total", "Connections refused at the limit.",
               reading.http.refused);
  page.Gauge("forager_waiting_requests", "Requests that wait for the end of a job.",
             static_cast<double>(reading.waiting_requests));
  AddProcess(page, series_->started);
  std::ostringstream out;
  prometheus::TextSerializer serializer;
  serializer.Serialize(out, page.Take());
  serializer.Serialize(out, series_->registry.Collect());
  return std::move(out).str();
}

}  // namespace forager::app
