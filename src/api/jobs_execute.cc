// POST /jobs/{id}/execute: starts a job, unless it runs already, and answers when it has ended or
// the wait is over. No thread waits: commits wake the request, which then reads the job.
#include <mutex>
#include <span>

#include "api/claim_job.h"
#include "api/handlers.h"
#include "api/problem.h"
#include "api/query.h"
#include "job/codec.h"

namespace forager::api {
namespace {

bool Finished(const Job& job) {
  return job.status == State::kCompleted || job.status == State::kFailed ||
         job.status == State::kCancelled;
}

class Wait : public std::enable_shared_from_this<Wait> {
 public:
  explicit Wait(CallPtr call) : call_(std::move(call)) {}

  // Registers first and looks then, so that no end is missed.
  void Begin(os::Steady deadline) {
    std::uint64_t id = call_->services->waiters.Add(
        call_->id, Reader{call_->caller.key, call_->caller.shown()}, deadline,
        [self = shared_from_this()](bool expired) { self->Look(expired); });
    {
      std::lock_guard lock(mutex_);
      waiter_ = id;
    }
    Look(id == 0);  // too many wait: answer with what is known now
  }

 private:
  // The wait may outlive the token or session that began it.
  std::optional<Error> LostAccess(store::Store& store) const {
    store::Credential shown = call_->caller.shown();
    if (shown.hash.empty()) return std::nullopt;
    auto over = store.OverCredentials(std::span(&shown, 1), call_->Now());
    if (!over) return over.error();
    if (over->empty()) return std::nullopt;
    return Error{
        ErrorCode::kUnauthorized, "The token or session is over; the job goes on.", {}, {}};
  }

  // At most one read at a time; what happens meanwhile asks for one more.
  void Look(bool last) {
    {
      std::lock_guard lock(mutex_);
      last_ = last_ || last;
      again_ = true;
      if (reading_ || done_) return;
      reading_ = true;
      again_ = false;
    }
    Read();
  }

  void Read() {
    auto job = std::make_shared<std::optional<Job>>();
    bool last = false;
    {
      std::lock_guard lock(mutex_);
      last = last_;
    }
    call_->store().Read(
        [self = shared_from_this(), job](store::Store& store) -> Result<void> {
          if (auto lost = self->LostAccess(store)) return std::unexpected(*lost);
          auto found = store.Find(self->call_->id);
          if (!found) return std::unexpected(found.error());
          *job = std::move(*found);
          return {};
        },
        [self = shared_from_this(), job, last](Result<void> read) { self->Saw(read, *job, last); });
  }

  void Saw(const Result<void>& read, const std::optional<Job>& job, bool last) {
    bool more = false;
    bool finish = false;
    std::uint64_t waiter = 0;
    {
      std::lock_guard lock(mutex_);
      waiter = waiter_;
      // A read that fails for the moment is tried again by the next commit or the deadline.
      bool gone = !read && (last || read.error().code == ErrorCode::kNotFound ||
                            read.error().code == ErrorCode::kUnauthorized);
      finish = !done_ && (gone || (job && (last || Finished(*job))));
      done_ = done_ || finish;
      more = !done_ && again_;
      again_ = false;
      reading_ = more;
    }
    if (finish) {
      call_->services->waiters.Remove(waiter);
      read ? call_->Send(Json(Finished(*job) ? 200 : 202, WriteJob(*job)))
           : call_->Send(read.error());
    }
    if (more) Read();
  }

  const CallPtr call_;
  std::mutex mutex_;
  std::uint64_t waiter_ = 0;
  bool reading_ = false;
  bool again_ = false;
  bool last_ = false;
  bool done_ = false;
};

}  // namespace

void ExecuteJob(CallPtr call) {
  Query query(call->request);
  Millis wait = query.Duration("wait", Millis(1'000), 0, 600, Millis(60'000));
  if (auto error = query.error()) return call->Send(*error);
  auto claimed = std::make_shared<Claimed>();
  auto runs_already =
      std::make_shared<bool>(false);  // dispatch was quicker: waiting is what is left
  call->store().Write(
      [call, claimed, runs_already](store::Store& store) -> Result<void> {
        Result<Job> found = store.Find(call->id);
        if (!found) return std::unexpected(found.error());
        *runs_already = found->status == State::kRunning;
        if (*runs_already) {
          *claimed = {std::move(*found), {}};
          return {};
        }
        if (auto error = CannotStartNow(*call)) return std::unexpected(*error);
        Result<Claimed> started = ClaimById(*call, store);
        if (!started) return std::unexpected(started.error());
        *claimed = std::move(*started);
        return {};
      },
      [call, claimed, runs_already, wait](Result<void> started) {
        if (!started) return call->Send(started.error());
        if (!claimed->job) return call->Send(claimed->refusal);
        if (!*runs_already) call->control().StartClaimed({*claimed->job});
        if (wait == Millis(0)) return call->Send(Json(202, WriteJob(*claimed->job)));
        std::make_shared<Wait>(call)->Begin(call->services->clock.SteadyNow() + wait);
      });
}

}  // namespace forager::api
