// POST /jobs/reset-stuck: the words around Control::ResetStuck.
#include <fmt/format.h>

#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/query.h"

namespace forager::api {

void ResetStuck(CallPtr call) {
  Query query(call->request);
  constexpr Millis kMinute{60'000};
  Millis timeout = query.Duration("timeout_minutes", kMinute, 0, 10'080, 30 * kMinute);
  bool requeue = query.Bool("requeue", false);
  if (auto error = query.error()) return call->Send(*error);
  call->control().ResetStuck(timeout, requeue, [call, timeout](Result<StuckReset> reset) {
    if (!reset) return call->Send(reset.error());
    std::size_t count = reset->job_ids.size();
    std::string message = count > 0
                              ? fmt::format("Reset {} stuck job(s)", count)
                              : fmt::format("No jobs have been running for more than {} minutes",
                                            FormatMinutes(timeout));
    if (!reset->unstored.empty())
      message = fmt::format(
          "Killed {} stuck job(s). That cannot be stored yet, and they are marked as "
          "soon as it can: {}",
          count, reset->unstored);
    call->Send(Json(reset->unstored.empty() ? 200 : 202,
                    ObjectWriter()
                        .Bool("success", true)
                        .Int("reset_count", static_cast<std::int64_t>(count))
                        .Texts("job_ids", reset->job_ids)
                        .Text("message", message)
                        .Take()));
  });
}

}  // namespace forager::api
