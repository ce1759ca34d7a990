// POST /jobs/{id}/cancel. The order is a row; where none can be written (a full disk), it goes to
// the attempt at once and the answer says so.
#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/query.h"
#include "job/codec.h"

namespace forager::api {
namespace {

http::Response Ordered(const Job& job, const Error& error) {
  std::string body = WriteJob(job);
  body.pop_back();
  std::string warning =
      "The attempt was told to stop, but that cannot be stored yet, and the job is " +
      std::string("marked cancelled as soon as it can: ") + error.detail;
  return Json(202, body + ",\"warnings\":[" + WriteString(warning) + "]}");
}

void CancelUnstored(const CallPtr& call, bool force, const Error& error) {
  if (error.code != ErrorCode::kUnavailable) return call->Send(error);
  call->control().CancelUnstored(call->id, force, [call, error](bool ordered) {
    if (!ordered) return call->Send(error);
    auto job = std::make_shared<Job>();
    call->store().Read(
        [call, job](store::Store& store) -> Result<void> {
          auto found = store.Find(call->id);
          if (!found) return std::unexpected(found.error());
          *job = std::move(*found);
          return {};
        },
        [call, job, error](const Result<void>& read) {
          read ? call->Send(Ordered(*job, error)) : call->Send(read.error());
        });
  });
}

}  // namespace

void CancelJob(CallPtr call) {
  Query query(call->request);
  bool force = query.Bool("force", false);
  if (auto error = query.error()) return call->Send(*error);
  auto job = std::make_shared<Job>();
  call->store().Write(
      [call, job, force](store::Store& store) -> Result<void> {
        auto cancelled = store.RequestCancel(call->id, force, call->Now());
        if (!cancelled) return std::unexpected(cancelled.error());
        *job = std::move(*cancelled);
        return {};
      },
      [call, job, force](const Result<void>& stored) {
        if (!stored) return CancelUnstored(call, force, stored.error());
        call->Send(Json(job->status == State::kRunning ? 202 : 200, WriteJob(*job)));
      });
}

}  // namespace forager::api
