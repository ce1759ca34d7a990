#include "scheduler/dispatcher.h"

#include <fmt/format.h>

#include "job/codec.h"
#include "os/log.h"

namespace forager::scheduler {
namespace {

constexpr int kBatch = 64;
constexpr Millis kPoll{5'000};        // in case a wake-up was lost: rows are edited by hand too
constexpr Millis kSharedPoll{1'000};  // other servers' wake-ups may be lost too
constexpr Millis kMomentForOthers{100};
constexpr Millis kStartRetry{50};
constexpr Millis kStoreRetry{1'000};

}  // namespace

Dispatcher::Dispatcher(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
                       supervisor::Supervisor& supervisor, Recorder& recorder, Policy policy)
    : loop_(loop),
      clock_(clock),
      calls_(calls),
      supervisor_(supervisor),
      recorder_(recorder),
      policy_(std::move(policy)) {}

void Dispatcher::SetPolicy(Policy policy) {
  policy_ = std::move(policy);
  Wake();
}

void Dispatcher::SetDraining(bool draining) {
  draining_ = draining;
  if (!draining) Wake();
}

// How many attempts this server may take on.
int Dispatcher::Room() const {
  int room = std::min(kBatch, supervisor_.Room());
  if (policy_.capacity <= 0) return room;
  return std::clamp(policy_.capacity - static_cast<int>(recorder_.owned()), 0, room);
}

// Whoever has its part waits a moment before it takes more.
bool Dispatcher::LetOthersFirst() {
  int part = (policy_.max_running + nodes_ - 1) / nodes_;
  if (nodes_ < 2 || static_cast<int>(recorder_.owned()) < part) return false;
  os::Steady now = clock_.SteadyNow();
  if (!others_until_) others_until_ = now + kMomentForOthers;
  if (now < *others_until_) return true;
  others_until_.reset();
  return false;
}

void Dispatcher::Wake() {
  if (stopped_ || draining_) return;
  wake_again_ = claiming_;
  if (claiming_) return;
  if (supervisor_.Room() <= 0) return Later(kStartRetry);
  if (Room() <= 0) return Later(Poll());
  if (LetOthersFirst()) return Later(kMomentForOthers);
  Claim();
}

Millis Dispatcher::Poll() const { return policy_.shared ? kSharedPoll : kPoll; }

// The claim was so long under way that its lease may end before the keeper would act.
bool Dispatcher::TooLate(const Job& job) const {
  return policy_.shared && job.lease_expires_at &&
         *job.lease_expires_at - clock_.Now() < policy_.lease - supervisor::kKillBeforeLeaseEnd;
}

void Dispatcher::WakeAt(WallTime when) {
  Later(std::clamp(when - clock_.Now(), Millis{0}, Poll()));
}

// The earliest of several wishes counts.
void Dispatcher::Later(Millis delay) {
  os::Steady due = clock_.SteadyNow() + delay;
  if (timer_ && timer_due_ <= due) return;
  timer_due_ = due;
  timer_ = loop_.After(delay, [this] {
    timer_.reset();
    Wake();
  });
}

void Dispatcher::Claim() {
  claiming_ = true;
  store::ClaimRequest request;
  request.node = policy_.node;
  request.lease = policy_.lease;
  request.limits = policy_.Limits();
  request.count = Room();
  if (nodes_ > 1)
    request.count = std::min(request.count, std::max(1, policy_.max_running / nodes_));
  request.only_started_before = !policy_.automatic;
  request.capacity = policy_.capacity;
  request.unless_drained = true;
  WallTime now = clock_.Now();
  calls_.Write<Claimed>(
      [request, now](store::Store& store) -> Result<Claimed> {
        auto claim = store.Claim(request, now);
        if (!claim) return std::unexpected(claim.error());
        auto due = store.NextDue(request.only_started_before);
        if (!due) return std::unexpected(due.error());
        return Claimed{std::move(*claim), *due};
      },
      [this](Result<Claimed> claimed) { Took(std::move(claimed)); });
}

void Dispatcher::Took(Result<Claimed> claimed) {
  claiming_ = false;
  if (!claimed) return Later(kStoreRetry);
  Launch(claimed->result.jobs);
  bool full_batch =
      !claimed->result.jobs.empty() && claimed->result.block == store::ClaimBlock::kNone;
  if (std::exchange(wake_again_, false) || full_batch) return Wake();
  claimed->next_due ? WakeAt(*claimed->next_due) : Later(Poll());
}

void Dispatcher::Launch(const std::vector<Job>& jobs) {
  for (const Job& job : jobs) LaunchOne(job);
}

void Dispatcher::LaunchOne(const Job& job) {
  const TypeSettings* type = policy_.types->Find(job.entity_type);
  os::LogInfo(fmt::format("🔵 Executing job {} in background", job.job_id));
  if (!type) {
    Failed unknown{ErrorClass::kUnknownEntityType, "Unknown entity type: " + job.entity_type, {}};
    return recorder_.EndUnstarted(job, policy_.types->defaults(), unknown);
  }
  if (stopped_)
    return recorder_.EndUnstarted(
        job, *type, {ErrorClass::kInterrupted, "The server was shutting down", {}, true});
  if (TooLate(job))
    return recorder_.EndUnstarted(
        job, *type, {ErrorClass::kNodeLost, "The database was too slow to start it", {}, true});
  supervisor::AttemptSpec spec;
  spec.ref = {job.job_id, job.attempt};
  spec.collector = type->collector;
  spec.command = type->command;
  spec.directory = type->directory;
  spec.environment = type->environment;
  spec.output = type->output;
  spec.job_json = WriteAttemptJob(job);
  spec.timeout = policy_.TimeoutOf(job);
  spec.heartbeat_timeout = type->heartbeat_timeout;
  spec.heartbeat_set = type->heartbeat_set;
  spec.stall_timeout = type->stall_timeout;
  spec.grace = type->grace;
  spec.limits = type->limits;
  recorder_.Track(job, *type, spec.timeout);
  supervisor_.Start(std::move(spec));
}

}  // namespace forager::scheduler
