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
  const Caller& caller = call.caller;
  wish.caller = caller.by == Caller::By::kAuthOff ? "" : caller.key;
  wish.address = call.address;
  wish.shown = caller.shown();
  if (auto error = query.error()) return std::unexpected(*error);
  EventHub& events = call.services->events;
  EventHub::Room room = events.RoomFor(wish);
  if (room == EventHub::Room::kCallerFull) {
    http::Response full = Problem(
        429, "Too many readers of events with this token or from this address; close some first.");
    full.headers.emplace_back("Retry-After", "5");
    return full;
  }
  if (room == EventHub::Room::kFull) {
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
