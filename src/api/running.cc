// GET /running: what each limit leaves the attempts that live on this node.
#include "api/handlers.h"
#include "api/object_writer.h"

namespace forager::api {
namespace {

double Seconds(Millis duration) { return static_cast<double>(duration.count()) / 1e3; }

std::string WriteLimit(const LimitView& limit) {
  ObjectWriter body;
  body.Number("limit_seconds", Seconds(limit.limit));
  limit.rests ? body.Raw("left_seconds", "null") : body.Number("left_seconds", Seconds(limit.left));
  return body.Take();
}

std::string WriteLive(const LiveAttempt& live) {
  return ObjectWriter()
      .Text("job_id", live.ref.job_id)
      .Int("attempt", live.ref.attempt)
      .Bool("stopping", live.stopping)
      .Raw("deadline", WriteLimit(live.deadline))
      .Raw("heartbeat", WriteLimit(live.heartbeat))
      .Raw("stall", WriteLimit(live.stall))
      .Bool("speaks", live.speaks)
      .Text("signs_of_life", live.signs)
      .Take();
}

}  // namespace

void GetRunning(CallPtr call) {
  call->control().LiveAttempts("", [call](std::vector<LiveAttempt> attempts) {
    call->Send(Json(200, ObjectWriter().Raw("attempts", WriteArray(attempts, WriteLive)).Take()));
  });
}

}  // namespace forager::api
