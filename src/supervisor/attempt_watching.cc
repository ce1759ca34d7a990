// What is seen of the attempts that live, and what is told of it.
#include <algorithm>

#include "supervisor/attempt_supervisor.h"

namespace forager::supervisor {
namespace {

Supervisor::Watched View(const RunningAttempt& attempt, os::Steady now) {
  const AttemptClocks& clocks = attempt.clocks;
  const AttemptLimits& limits = clocks.limits();
  auto left = [now](Millis limit, os::Steady since) {
    return Supervisor::Left{limit, std::clamp(since + limit - now, Millis{0}, limit)};
  };
  Supervisor::Left heartbeat = left(limits.heartbeat, clocks.heard());
  if (clocks.heartbeat_rests()) heartbeat = {limits.heartbeat, limits.heartbeat, true};
  return {attempt.ref(),
          left(limits.timeout, clocks.started()),
          heartbeat,
          left(limits.stall, clocks.progressed()),
          attempt.schedule.begun(),
          !clocks.stranger(),
          clocks.Signs(now)};
}

}  // namespace

std::vector<Supervisor::Watched> AttemptSupervisor::Watching(const std::string& job_id) const {
  std::vector<Watched> watched;
  os::Steady now = clock_.SteadyNow();
  if (!job_id.empty()) {
    const RunningAttempt* attempt = attempts_.FindOf(job_id);
    if (attempt && !attempt->ended) watched.push_back(View(*attempt, now));
    return watched;
  }
  for (const auto& [id, attempt] : attempts_) {
    if (!attempt->ended) watched.push_back(View(*attempt, now));
  }
  return watched;
}

std::string AttemptSupervisor::Describe(const AttemptRef& ref) const {
  const RunningAttempt* attempt = attempts_.Find(ref);
  if (!attempt) return "No process was behind it.";
  if (attempt->ended) return "Its processes cannot be ended.";
  if (attempt->schedule.begun()) return "It was being stopped.";
  return attempt->clocks.Describe(clock_.SteadyNow());
}

std::optional<pid_t> AttemptSupervisor::CollectorOf(std::uint64_t id) {
  const RunningAttempt* attempt = attempts_.Find(id);
  bool matters = attempt && !attempt->ended && !attempt->schedule.begun();
  if (!matters || !attempt->clocks.stranger()) return std::nullopt;
  return attempt->pid;
}

std::int64_t AttemptSupervisor::OutputOf(std::uint64_t id) {
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt) return 0;
  attempt->Drain(clock_.SteadyNow());
  std::int64_t output = attempt->output_bytes();
  Changed(id);
  return output;
}

void AttemptSupervisor::Saw(std::uint64_t id, const LifeSigns& signs) {
  RunningAttempt* attempt = attempts_.Find(id);
  if (!attempt) return;
  attempt->clocks.Saw(signs);
  Check(id);
}

}  // namespace forager::supervisor
