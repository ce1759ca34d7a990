#include "alerts/watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "job/codec.h"
#include "os/log.h"

namespace forager::alerts {
namespace {

constexpr int kMaxOpen = 1'000;
constexpr std::size_t kIdsShown = 10;
constexpr std::size_t kMaxRetired = 64;

std::string InWords(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7'200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3'600);
}

double Seconds(Millis span) { return std::chrono::duration<double>(span).count(); }

std::string Mebibytes(std::uint64_t bytes) { return fmt::format("{} MiB", bytes >> 20); }

// Events are talked about for a while; conditions as long as they last.
bool IsEvent(Kind kind) { return kind == Kind::kJobReset || kind == Kind::kKeeperRestarted; }

// What every server of the database sees alike has no server in its key.
bool IsShared(Kind kind) { return kind == Kind::kPendingAge || kind == Kind::kNothingCompleted; }

}  // namespace

Watch::Watch(os::EventLoop& loop, const os::Clock& clock, store::StoreService& store,
             std::string node, std::function<Facts()> facts)
    : loop_(loop),
      clock_(clock),
      store_(store),
      node_(std::move(node)),
      facts_(std::move(facts)),
      config_(std::make_shared<Config>()) {}

Watch::~Watch() { Stop(); }

void Watch::Stop() {
  timer_.reset();
  std::map<std::string, std::unique_ptr<Courier>> couriers;
  {
    std::lock_guard lock(mutex_);
    couriers.swap(couriers_);
  }
  for (auto& [name, courier] : couriers) courier->Retire();  // all at once, then wait for each
  retired_.clear();
}

// Whoever is in the middle of a delivery ends by himself; the event loop does not wait for him.
// False: too many have not ended yet.
bool Watch::Retire(std::unique_ptr<Courier>& courier) {
  std::erase_if(retired_, [](const auto& one) { return one->ended(); });
  if (retired_.size() >= kMaxRetired) return false;
  courier->Retire();
  retired_.push_back(std::move(courier));
  return true;
}

void Watch::Start(Config config) {
  Patience patience{config.timeout, config.retry, config.max_tries};
  std::map<std::string, std::unique_ptr<Courier>> before, couriers;
  {
    std::lock_guard lock(mutex_);
    before.swap(couriers_);
  }
  for (auto& [name, courier] : before) {
    auto receiver = std::ranges::find(config.receivers, name, &Receiver::name);
    bool same = receiver != config.receivers.end() && courier->Serves(*receiver, patience);
    if (!same && Retire(courier)) continue;
    if (!same)
      os::LogWarning(
          fmt::format("Alert receiver {} keeps its old settings: too many deliveries of "
                      "earlier ones have not ended; read the configuration again later",
                      name));
    couriers[name] = std::move(courier);
  }
  for (const Receiver& receiver : config.receivers) {
    auto& courier = couriers[receiver.name];
    if (!courier) courier = std::make_unique<Courier>(receiver, patience, store_, clock_);
  }
  Millis interval = config.interval;
  {
    std::lock_guard lock(mutex_);
    config_ = std::make_shared<const Config>(std::move(config));
    couriers_ = std::move(couriers);
  }
  timer_ = loop_.Every(interval, [this] { RunOnce(); });
  RunOnce();
}

std::shared_ptr<const Config> Watch::config() const {
  std::lock_guard lock(mutex_);
  return config_;
}

void Watch::WakeCouriers() {
  std::lock_guard lock(mutex_);
  for (auto& [name, courier] : couriers_) courier->Wake();
}

void Watch::JobEnded(const std::string& entity_type, bool failed) {
  rates_.Count(entity_type, failed, clock_.SteadyNow());
}

Result<void> Watch::JobsReset(store::Store& store, const std::vector<std::string>& job_ids,
                              bool by_monitor, WallTime now) const {
  auto config = this->config();
  std::vector<std::string> shown(
      job_ids.begin(),
      job_ids.begin() + static_cast<std::ptrdiff_t>(std::min(job_ids.size(), kIdsShown)));
  for (const Rule& rule : config->rules) {
    if (rule.kind != Kind::kJobReset) continue;
    Finding finding{
        node_,
        fmt::format("{} stuck job(s) were reset {}", job_ids.size(),
                    by_monitor ? "by the monitor" : "on request"),
        fmt::format("{}{}", fmt::join(shown, ", "), shown.size() < job_ids.size() ? " ..." : "")};
    if (auto raised = Raise(store, *config, rule, finding, origin(), now); !raised) return raised;
  }
  return {};
}

void Watch::RunOnce() {
  Facts facts = facts_();
  if (!facts.store.ok) return StoreAway(facts);
  StoreBack();
  // A server that has just started would take for over what it has not looked at.
  if (looking_ || !facts.known) return;
  looking_ = true;
  auto figures = std::make_shared<Figures>();
  WallTime now = clock_.Now();
  store_.Read(
      [figures, now](store::Store& store) -> Result<void> {
        auto open = store.Alerts(true, kMaxOpen);
        if (!open) return std::unexpected(open.error());
        figures->open = std::move(*open);
        auto stats = store.GetStats(now);
        if (!stats) return std::unexpected(stats.error());
        figures->pending = stats->pending_jobs;
        figures->oldest_pending_seconds = stats->oldest_pending_seconds.value_or(0);
        auto last = store.LastCompletion();
        if (!last) return std::unexpected(last.error());
        figures->last_completion = *last;
        return {};
      },
      [this, facts, figures, alive = std::weak_ptr(alive_)](const Result<void>& read) {
        loop_.Post([this, facts, figures, alive, good = read.has_value()] {
          if (alive.expired()) return;
          looking_ = false;
          if (good) Judge(facts, *figures);
        });
      });
}

// What is open by the store: also what was open before this server, or its configuration, was
// started, and what was raised with its event.
void Watch::Adopt(const std::vector<store::Alert>& open) {
  auto config = this->config();
  std::map<std::string, os::Steady> told;
  for (const store::Alert& alert : open) {
    const store::AlertNotice& notice = alert.notice;
    const Rule* rule = config->FindRule(notice.rule);
    bool ours = notice.subject == node_ || notice.subject.starts_with(node_ + " ");
    if (!ours && rule && !IsShared(rule->kind)) continue;
    auto known = told_.find(notice.key);
    bool keep = known != told_.end() && rule && !IsEvent(rule->kind);
    told[notice.key] =
        keep ? known->second
             : clock_.SteadyNow() - std::max(Millis{0}, clock_.Now() - alert.last_seen_at);
  }
  told_ = std::move(told);
}

void Watch::Judge(const Facts& facts, const Figures& figures) {
  Adopt(figures.open);
  auto config = this->config();
  Findings found;
  for (const Rule& rule : config->rules) {
    FindLocal(rule, facts, found);
    FindJobs(rule, figures, found);
    if (rule.kind == Kind::kFailureRate) FindRates(rule, found);
  }
  keeper_restarts_ = facts.keeper_restarts;
  Hold(found);
  Tell(std::move(found));
}

void Watch::FindLocal(const Rule& rule, const Facts& facts, Findings& found) {
  Finding finding{node_, "", ""};
  if (rule.kind == Kind::kJobStuck && !facts.stuck_running) {
    finding.summary = "It is not known whether jobs are stuck";
    finding.detail = "The running jobs cannot be read. GET /monitor has the reason in last_error.";
  } else if (rule.kind == Kind::kJobStuck && *facts.stuck_running > 0) {
    finding.summary = fmt::format("{} job(s) run with nothing behind them", *facts.stuck_running);
    finding.detail = "The monitor resets them; POST /jobs/reset-stuck does it at once.";
  } else if (rule.kind == Kind::kDiskLow &&
             facts.disk_free < static_cast<std::uint64_t>(rule.bytes)) {
    finding.summary =
        fmt::format("{} are left where the data directory is (limit {})",
                    Mebibytes(facts.disk_free), Mebibytes(static_cast<std::uint64_t>(rule.bytes)));
    finding.detail = "Make room, or lower retention_days.";
  } else if (rule.kind == Kind::kKeeperRestarted && facts.keeper_restarts > keeper_restarts_) {
    finding = Restarted(facts.keeper_restarts - keeper_restarts_);
  } else {
    return;
  }
  found[KeyOf(rule, finding.subject)] = {&rule, finding};
}

Finding Watch::Restarted(std::uint64_t restarts) const {
  return {node_,
          restarts == 1 ? "The keeper died and was started again"
                        : fmt::format("The keeper died and was started again {} times", restarts),
          "Its attempts were given back. The log says why; the kernel's log knows of an "
          "out-of-memory kill."};
}

void Watch::FindJobs(const Rule& rule, const Figures& figures, Findings& found) const {
  Finding finding;
  if (rule.kind == Kind::kPendingAge && figures.oldest_pending_seconds > Seconds(rule.age)) {
    finding.summary =
        fmt::format("The oldest pending job waits for {} (limit {})",
                    InWords(figures.oldest_pending_seconds), InWords(Seconds(rule.age)));
    finding.detail = "GET /jobs/ID/explain names the limit, the pause or the mode that keeps it.";
  } else if (rule.kind == Kind::kNothingCompleted && figures.pending > 0 &&
             figures.oldest_pending_seconds > Seconds(rule.age) &&
             (!figures.last_completion || clock_.Now() - *figures.last_completion > rule.age)) {
    finding.summary = fmt::format("{} job(s) wait and none has completed for {}", figures.pending,
                                  InWords(Seconds(rule.age)));
    finding.detail = figures.last_completion
                         ? "The last one completed at " + FormatRfc3339(*figures.last_completion)
                         : "None has completed yet.";
  } else {
    return;
  }
  found[KeyOf(rule, "")] = {&rule, finding};
}

void Watch::FindRates(const Rule& rule, Findings& found) const {
  for (const auto& [type, sum] : rates_.Within(rule.window, clock_.SteadyNow())) {
    if (!rule.entity_type.empty() && rule.entity_type != type) continue;
    if (sum.ended < rule.minimum || sum.ratio() <= rule.ratio) continue;
    Finding finding{node_ + " " + type,
                    fmt::format("{:.0f}% of the jobs of {} failed in the last {}",
                                100 * sum.ratio(), type, InWords(Seconds(rule.window))),
                    fmt::format("{} of {}. GET /jobs?status=failed&entity_type={} has the reasons.",
                                sum.failed, sum.ended, type)};
    found[KeyOf(rule, finding.subject)] = {&rule, finding};
  }
}

// Leaves what has lasted long enough.
void Watch::Hold(Findings& found) {
  os::Steady now = clock_.SteadyNow();
  std::erase_if(since_, [&](const auto& entry) { return !found.contains(entry.first); });
  std::erase_if(found, [&](const auto& entry) {
    auto [begun, fresh] = since_.try_emplace(entry.first, now);
    return now - begun->second < entry.second.first->hold;
  });
}

void Watch::Tell(Findings found) {
  auto config = this->config();
  os::Steady now = clock_.SteadyNow();
  std::map<std::string, std::pair<Rule, Finding>> raise;
  std::map<std::string, std::optional<Rule>> resolve;
  for (const auto& [key, entry] : found) {
    auto told = told_.find(key);
    bool due = told == told_.end() || IsEvent(entry.first->kind) ||
               (config->repeat > Millis{0} && now - told->second >= config->repeat);
    if (due) raise[key] = {*entry.first, entry.second};
  }
  for (const auto& [key, when] : told_) {
    const Rule* rule = config->FindRule(key.substr(0, key.find(' ')));
    bool over =
        !rule || (!found.contains(key) && (!IsEvent(rule->kind) || now - when >= rule->window));
    if (over) resolve[key] = rule ? std::optional(*rule) : std::nullopt;
  }
  if (raise.empty() && resolve.empty()) return;
  WallTime wall = clock_.Now();
  store_.Write(
      [config, raise, resolve, origin = origin(), wall](store::Store& store) -> Result<void> {
        for (const auto& [key, entry] : raise) {
          if (auto done = Raise(store, *config, entry.first, entry.second, origin, wall); !done)
            return done;
        }
        for (const auto& [key, rule] : resolve) {
          if (auto done = Resolve(store, *config, rule ? &*rule : nullptr, key, origin, wall);
              !done)
            return done;
        }
        return {};
      },
      [this, raise, resolve, alive = std::weak_ptr(alive_)](const Result<void>& written) {
        loop_.Post([this, raise, resolve, alive, good = written.has_value()] {
          if (alive.expired() || !good) return;  // looked at again with the next look
          for (const auto& [key, entry] : raise) {
            told_[key] = clock_.SteadyNow();
            os::LogWarning(fmt::format("🔔 Alert {}: {}", key, entry.second.summary));
          }
          for (const auto& [key, rule] : resolve) {
            told_.erase(key);
            os::LogInfo(fmt::format("🔕 Alert {} is over", key));
          }
          WakeCouriers();
        });
      });
}

// Nothing can be stored, so receivers are told from memory.
void Watch::StoreAway(const Facts& facts) {
  os::Steady now = clock_.SteadyNow();
  if (!away_since_) {
    away_since_ = now;
    away_at_ = clock_.Now();
  }
  if (away_told_) return;
  auto config = this->config();
  for (const Rule& rule : config->rules) {
    if (rule.kind != Kind::kDatabaseAway || now - *away_since_ < rule.hold) continue;
    away_told_ = true;
    store::Alert alert;
    alert.notice = NoticeOf(rule, {node_, "The database cannot be used", facts.store.reason});
    alert.started_at = away_at_;
    store::AlertMessage message;
    message.event = "firing";
    message.body = WriteBody(alert, "firing", origin());
    message.created_at = away_at_;
    std::lock_guard lock(mutex_);
    for (const std::string& name : config->ReceiversOf(rule)) {
      message.receiver = name;
      if (auto courier = couriers_.find(name); courier != couriers_.end())
        courier->second->SendDirectly(message);
    }
  }
}

// Now it is stored that it was away, and that it is over.
void Watch::StoreBack() {
  away_since_.reset();
  if (!std::exchange(away_told_, false)) return;
  auto config = this->config();
  WallTime began = away_at_, now = clock_.Now();
  store_.Write(
      [config, origin = origin(), began, now](store::Store& store) -> Result<void> {
        for (const Rule& rule : config->rules) {
          if (rule.kind != Kind::kDatabaseAway) continue;
          Finding finding{origin.node, "The database could not be used", ""};
          auto raised = store.RaiseAlert(NoticeOf(rule, finding), began);
          if (!raised) return std::unexpected(raised.error());
          auto resolved = Resolve(store, *config, &rule, KeyOf(rule, origin.node), origin, now);
          if (!resolved) return resolved;
        }
        return {};
      },
      [this, alive = std::weak_ptr(alive_)](const Result<void>&) {
        loop_.Post([this, alive] {
          if (!alive.expired()) WakeCouriers();
        });
      });
}

}  // namespace forager::alerts
