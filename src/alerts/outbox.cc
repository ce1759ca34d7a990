#include "alerts/outbox.h"

#include <algorithm>
#include <boost/json.hpp>

#include "job/codec.h"

namespace forager::alerts {
namespace {

namespace json = boost::json;

Result<void> QueueAll(store::Store& store, const std::vector<std::string>& receivers,
                      const store::Alert& alert, std::string_view event, const Origin& origin,
                      WallTime not_before, WallTime now) {
  std::string body = WriteBody(alert, event, origin);
  for (const std::string& receiver : receivers) {
    store::NewAlertMessage message{alert.id, receiver, std::string(event), body, not_before};
    if (auto queued = store.QueueMessage(message, now); !queued)
      return std::unexpected(queued.error());
  }
  return {};
}

}  // namespace

std::string KeyOf(const Rule& rule, const std::string& subject) {
  return rule.name + " " + subject;
}

store::AlertNotice NoticeOf(const Rule& rule, const Finding& finding) {
  return {KeyOf(rule, finding.subject),
          rule.name,
          std::string(Name(rule.kind)),
          finding.subject,
          rule.critical ? "critical" : "warning",
          ValidUtf8(finding.summary),
          ValidUtf8(finding.detail)};
}

std::string WriteBody(const store::Alert& alert, std::string_view event, const Origin& origin) {
  const store::AlertNotice& notice = alert.notice;
  json::object about{{"id", alert.id},
                     {"rule", notice.rule},
                     {"kind", notice.kind},
                     {"subject", notice.subject},
                     {"severity", notice.severity},
                     {"summary", notice.summary},
                     {"detail", notice.detail},
                     {"occurrences", alert.occurrences},
                     {"started_at", FormatRfc3339(alert.started_at)},
                     {"resolved_at", nullptr}};
  if (alert.resolved_at) about["resolved_at"] = FormatRfc3339(*alert.resolved_at);
  return json::serialize(json::object{{"event", event},
                                      {"alert", std::move(about)},
                                      {"server", {{"node", origin.node}, {"url", origin.url}}}});
}

Result<void> Raise(store::Store& store, const Config& config, const Rule& rule,
                   const Finding& finding, const Origin& origin, WallTime now) {
  auto raised = store.RaiseAlert(NoticeOf(rule, finding), now);
  if (!raised) return std::unexpected(raised.error());
  bool remind =
      !raised->fresh && config.repeat > Millis{0} && now - raised->last_told_at >= config.repeat;
  if (!raised->fresh && !remind) return {};
  if (remind) {
    if (auto told = store.ToldAlert(raised->alert.id, now); !told) return told;
  }
  return QueueAll(store, config.ReceiversOf(rule), raised->alert, remind ? "reminder" : "firing",
                  origin, rule.critical ? now : HeldUntil(config.quiet, now), now);
}

Result<void> Resolve(store::Store& store, const Config& config, const Rule* rule,
                     const std::string& key, const Origin& origin, WallTime now) {
  auto resolved = store.ResolveAlert(key, now);
  if (!resolved) return std::unexpected(resolved.error());
  if (!*resolved) return {};
  auto spared = store.DropHeldMessages((*resolved)->id, now);
  if (!spared) return std::unexpected(spared.error());
  if (!rule) return {};
  std::vector<std::string> receivers = config.ReceiversOf(*rule);
  std::erase_if(receivers, [&](const auto& name) {
    return std::ranges::find(*spared, name) != spared->end();
  });
  return QueueAll(store, receivers, **resolved, "resolved", origin,
                  rule->critical ? now : HeldUntil(config.quiet, now), now);
}

Result<std::int64_t> QueueTest(store::Store& store, const std::string& receiver,
                               const Origin& origin, WallTime now) {
  store::Alert alert;
  alert.notice = {"test",
                  "test",
                  "test",
                  "",
                  "warning",
                  "This is a test of the alerts of " + origin.node,
                  "Nothing is wrong. Somebody pressed the test button."};
  alert.started_at = now;
  return store.QueueMessage({std::nullopt, receiver, "test", WriteBody(alert, "test", origin), now},
                            now);
}

}  // namespace forager::alerts
