// GET /alerts and the test button, POST /alerts/test.
#include <fmt/format.h>

#include <algorithm>

#include "api/handlers.h"
#include "api/object_writer.h"
#include "api/problem.h"
#include "api/query.h"

namespace forager::api {
namespace {

constexpr int kMaxAlerts = 200, kMaxMessages = 500;

std::string AlertJson(const store::Alert& alert) {
  const store::AlertNotice& notice = alert.notice;
  return ObjectWriter()
      .Int("id", alert.id)
      .Text("rule", notice.rule)
      .Text("kind", notice.kind)
      .Text("subject", notice.subject)
      .Text("severity", notice.severity)
      .Text("summary", notice.summary)
      .Text("detail", notice.detail)
      .Text("state", alert.resolved_at ? "resolved" : "firing")
      .Int("occurrences", alert.occurrences)
      .Time("started_at", alert.started_at)
      .Time("last_seen_at", alert.last_seen_at)
      .Time("resolved_at", alert.resolved_at)
      .Take();
}

// Without its body: what it says stands with the alert.
std::string MessageJson(const store::AlertMessage& message) {
  ObjectWriter body;
  body.Int("id", message.id);
  message.alert_id ? body.Int("alert_id", *message.alert_id) : body.Raw("alert_id", "null");
  body.Text("receiver", message.receiver)
      .Text("event", message.event)
      .Text("state", message.state)
      .Int("tries", message.tries)
      .TextOrNull("last_error", message.last_error)
      .Time("created_at", message.created_at)
      .Time("next_try_at",
            message.state == "waiting" ? std::optional(message.not_before) : std::nullopt)
      .Time("done_at", message.done_at);
  return body.Take();
}

std::string ReceiverJson(const AlertReceiver& receiver) {
  return ObjectWriter().Text("name", receiver.name).Text("kind", receiver.kind).Take();
}

}  // namespace

Result<ReadWork> GetAlerts(const Call& call) {
  return [&call](store::Store& store) -> Result<http::Response> {
    auto alerts = store.Alerts(false, kMaxAlerts);
    if (!alerts) return std::unexpected(alerts.error());
    auto messages = store.AlertMessages(kMaxMessages);
    if (!messages) return std::unexpected(messages.error());
    return Json(200,
                ObjectWriter()
                    .Raw("alerts", WriteArray(*alerts, AlertJson))
                    .Raw("deliveries", WriteArray(*messages, MessageJson))
                    .Raw("receivers", WriteArray(call.control().alert_receivers(), ReceiverJson))
                    .Take());
  };
}

Result<WriteWork> TestAlerts(const Call& call) {
  Query query(call.request);
  std::optional<std::string> wanted = query.Text("receiver", 100);
  if (auto error = query.error()) return std::unexpected(*error);
  std::vector<std::string> receivers;
  for (const AlertReceiver& receiver : call.control().alert_receivers()) {
    if (!wanted || receiver.name == *wanted) receivers.push_back(receiver.name);
  }
  if (receivers.empty() && wanted)
    return Fail(ErrorCode::kNotFound, fmt::format("There is no receiver {}.", *wanted));
  if (receivers.empty()) {
    return Fail(ErrorCode::kConflict,
                "No receiver is configured: forager.toml needs an [alerts.receivers.NAME] table.");
  }
  return [&call, receivers](store::Store& store) -> Result<Answer> {
    std::string ids;
    for (const std::string& receiver : receivers) {
      auto id = call.control().QueueTestAlert(store, receiver, call.Now());
      if (!id) return std::unexpected(id.error());
      ids += fmt::format("{}{}", ids.empty() ? "" : ",", *id);
    }
    return [&call, receivers, ids] {
      call.control().AlertsQueued();
      return Json(202, ObjectWriter()
                           .Text("message", fmt::format("{} test message(s) are on their way; GET "
                                                        "/alerts shows how they fare",
                                                        receivers.size()))
                           .Texts("receivers", receivers)
                           .Raw("delivery_ids", "[" + ids + "]")
                           .Take());
    };
  };
}

}  // namespace forager::api
