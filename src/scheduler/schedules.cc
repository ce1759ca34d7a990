#include "scheduler/schedules.h"

#include <fmt/format.h>

#include <algorithm>

#include "os/log.h"
#include "scheduler/schedule_plan.h"

namespace forager::scheduler {
namespace {

constexpr int kAtOnce = 100;
constexpr Millis kLookInterval{1'000};
constexpr Millis kShortest{5};

}  // namespace

Schedules::Schedules(os::EventLoop& loop, const os::Clock& clock, StoreCalls& calls,
                     std::function<const Policy&()> policy,
                     std::function<std::int64_t()> max_pending)
    : loop_(loop),
      clock_(clock),
      calls_(calls),
      policy_(std::move(policy)),
      max_pending_(std::move(max_pending)) {}

void Schedules::Start() {
  started_ = true;
  RunOnce();
}

void Schedules::Stop() {
  started_ = false;
  timer_.reset();
}

void Schedules::Wake() {
  if (started_) RunOnce();
}

void Schedules::RunOnce() {
  if (std::exchange(running_, true)) {
    again_ = true;
    return;
  }
  again_ = false;
  WallTime now = clock_.Now();
  calls_.Read<Look>(
      [now](store::Store& store) -> Result<Look> {
        auto due = store.DueSchedules(now, kAtOnce);
        if (!due) return std::unexpected(due.error());
        auto next = store.NextScheduleDue();
        if (!next) return std::unexpected(next.error());
        return Look{std::move(*due), *next};
      },
      [this, now](Result<Look> look) {
        if (!look) {
          if (look_error_ != look.error().detail) {
            look_error_ = look.error().detail;
            os::LogError("Schedules cannot be looked at: " + look_error_);
          }
          return Finished({});
        }
        if (!std::exchange(look_error_, "").empty()) os::LogInfo("Schedules are looked at again");
        std::erase_if(failing_, [&](std::int64_t id) {
          return std::ranges::find(look->due, id, &Schedule::id) == look->due.end();
        });
        if (look->due.empty()) return Finished(*look);
        auto left = std::make_shared<std::size_t>(look->due.size());
        auto shared = std::make_shared<const Look>(std::move(*look));
        for (const Schedule& schedule : shared->due) {
          store::ScheduleStep step = PlanStep(schedule, now);
          int priority = step.job ? policy_().types->Get(step.job->entity_type).priority : 0;
          calls_.Write<bool>(
              [step = std::move(step), priority, max = max_pending_(), now](store::Store& store) {
                return store.StepSchedule(step, priority, max, now);
              },
              [this, shared, left, &schedule](Result<bool> stepped) {
                Stepped(schedule, std::move(stepped));
                if (--*left == 0) Finished(*shared);
              });
        }
      });
}

void Schedules::Stepped(const Schedule& schedule, Result<bool> stepped) {
  if (!stepped) {
    if (failing_.insert(schedule.id).second)
      os::LogError(fmt::format("⏰ Schedule {} is due and its run could not be submitted: {}",
                               schedule.spec.name, stepped.error().detail));
    return;
  }
  failing_.erase(schedule.id);
  if (*stepped)
    os::LogInfo(fmt::format("⏰ Schedule {} was due at {}", schedule.spec.name,
                            FormatRfc3339(*schedule.next_run_at)));
}

void Schedules::Finished(const Look& look) {
  running_ = false;
  if (!started_) return;
  Millis wait = kLookInterval;
  WallTime now = clock_.Now();
  if (look.next && look.due.empty()) wait = std::clamp(*look.next - now, kShortest, kLookInterval);
  // What was due has a next time now, which may be near; and what others asked for must be seen.
  if (again_ || (!look.due.empty() && failing_.empty())) wait = kShortest;
  timer_ = loop_.After(wait, [this] { RunOnce(); });
}

}  // namespace forager::scheduler
