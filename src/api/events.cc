// GET /events: server-sent events.
#include "api/handlers.h"
#include "api/problem.h"
#include "api/query.h"

namespace forager::api {

Result<http::Response> StreamEvents(const Call& call) {
  Query query(call.request);
  EventHub::Wish wish;
  wish.types = query.List("types", {"job", "log", "stats", "monitor", "node", "schedule"});
  wish.job_id = query.Text("job_id", 100).value_or("");
  wish.caller = call.caller.key;
  if (auto error = query.error()) return std::unexpected(*error);
  EventHub& events = call.services->events;
  if (events.Full()) {
    return std::unexpected(Error{ErrorCode::kUnavailable,
                                 "Too many readers of events; try later.",
                                 {},
                                 std::chrono::seconds(5)});
  }
  http::Response response;
  response.content_type = "text/event-stream";
  response.stream = [&events, wish, last = std::string(call.request.Header("Last-Event-ID"))](
                        std::shared_ptr<http::EventStream> stream) {
    events.Subscribe(std::move(stream), last, wish);
  };
  return response;
}

}  // namespace forager::api
