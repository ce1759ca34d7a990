// Alerts and their outbox.
#include "store/sql_store.h"

namespace forager::store {
namespace {

Alert ReadAlert(const Rows& rows) {
  Alert alert;
  alert.id = rows.Int(0);
  alert.notice = {rows.Text(1), rows.Text(2), rows.Text(3), rows.Text(4),
                  rows.Text(5), rows.Text(6), rows.Text(7)};
  alert.occurrences = rows.Int(8);
  alert.started_at = rows.MaybeTime(9).value_or(WallTime{});
  alert.last_seen_at = rows.MaybeTime(10).value_or(WallTime{});
  alert.resolved_at = rows.MaybeTime(11);
  return alert;
}

AlertMessage ReadMessage(const Rows& rows) {
  AlertMessage message;
  message.id = rows.Int(0);
  message.alert_id = rows.MaybeInt(1);
  message.receiver = rows.Text(2);
  message.event = rows.Text(3);
  message.body = rows.Text(4);
  message.state = rows.Text(5);
  message.created_at = rows.MaybeTime(6).value_or(WallTime{});
  message.not_before = rows.MaybeTime(7).value_or(WallTime{});
  message.tries = static_cast<int>(rows.Int(8));
  message.last_error = rows.MaybeText(9);
  message.done_at = rows.MaybeTime(10);
  return message;
}

template <typename T, typename ReadOne>
std::vector<T> ReadAll(Rows rows, ReadOne read) {
  std::vector<T> all;
  while (rows.Next()) all.push_back(read(rows));
  return all;
}

}  // namespace

Result<RaisedAlert> SqlStore::RaiseAlert(const AlertNotice& notice, WallTime now) {
  return Guard([&]() -> Result<RaisedAlert> {
    RaisedAlert raised;
    {
      Rows rows = db_.Query("open_alert", {notice.key, notice.rule, notice.kind, notice.subject,
                                           notice.severity, notice.summary, notice.detail, now});
      raised.fresh = rows.Next();
      if (raised.fresh) {
        raised.alert.id = rows.Int(0);
        raised.last_told_at = now;
        rows.Next();
      }
    }
    if (!raised.fresh) {
      Rows rows = db_.Query("see_alert_again", {notice.key, now, notice.summary, notice.detail});
      // Resolved between the two by another server: raised again with the next look.
      if (!rows.Next()) return forager::Fail(ErrorCode::kConflict, "The alert was just resolved.");
      raised.alert.id = rows.Int(0);
      raised.last_told_at = rows.MaybeTime(1).value_or(now);
      rows.Next();
    }
    Rows rows = db_.Query("alert_by_id", {raised.alert.id});
    rows.Next();
    raised.alert = ReadAlert(rows);
    return raised;
  });
}

Result<void> SqlStore::ToldAlert(std::int64_t id, WallTime now) {
  return Guard([&]() -> Result<void> {
    db_.Execute("told_alert", {id, now});
    return {};
  });
}

Result<std::optional<Alert>> SqlStore::ResolveAlert(const std::string& key, WallTime now) {
  return Guard([&]() -> Result<std::optional<Alert>> {
    std::int64_t id = 0;
    {
      Rows rows = db_.Query("resolve_alert", {key, now});
      if (!rows.Next()) return std::nullopt;
      id = rows.Int(0);
      rows.Next();
    }
    Rows rows = db_.Query("alert_by_id", {id});
    if (!rows.Next()) return std::nullopt;
    return ReadAlert(rows);
  });
}

Result<std::vector<std::string>> SqlStore::DropHeldMessages(std::int64_t alert_id, WallTime now) {
  return Guard([&]() -> Result<std::vector<std::string>> {
    std::vector<std::string> spared;
    Rows rows = db_.Query("drop_held_messages", {alert_id, now});
    while (rows.Next()) {
      if (rows.View(1) == "firing") spared.push_back(rows.Text(0));
    }
    return spared;
  });
}

Result<std::int64_t> SqlStore::QueueMessage(const NewAlertMessage& message, WallTime now) {
  return Guard([&]() -> Result<std::int64_t> {
    Rows rows = db_.Query("queue_message", {message.alert_id, message.receiver, message.event,
                                            message.body, now, message.not_before});
    rows.Next();
    std::int64_t id = rows.Int(0);
    rows.Next();
    return id;
  });
}

Result<std::optional<AlertMessage>> SqlStore::TakeMessage(const std::string& receiver,
                                                          WallTime until, WallTime now) {
  return Guard([&]() -> Result<std::optional<AlertMessage>> {
    Rows rows = db_.Query("take_message", {receiver, now, until});
    if (!rows.Next()) return std::nullopt;
    AlertMessage message = ReadMessage(rows);
    rows.Next();
    return message;
  });
}

Result<std::optional<WallTime>> SqlStore::MessageDue(const std::string& receiver) {
  return Guard([&]() -> Result<std::optional<WallTime>> {
    Rows rows = db_.Query("message_due", {receiver});
    if (!rows.Next()) return std::nullopt;
    return rows.MaybeTime(0);
  });
}

Result<void> SqlStore::MessageDelivered(std::int64_t id, WallTime now) {
  return Guard([&]() -> Result<void> {
    db_.Execute("message_delivered", {id, now});
    return {};
  });
}

Result<void> SqlStore::MessageFailed(std::int64_t id, const std::string& error,
                                     std::optional<WallTime> next, WallTime now) {
  return Guard([&]() -> Result<void> {
    if (next) {
      db_.Execute("message_failed", {id, error, *next});
    } else {
      db_.Execute("message_given_up", {id, error, now});
    }
    return {};
  });
}

Result<std::vector<Alert>> SqlStore::Alerts(bool only_open, int limit) {
  return Guard([&]() -> Result<std::vector<Alert>> {
    return ReadAll<Alert>(db_.Query(only_open ? "open_alerts" : "newest_alerts", {limit}),
                          ReadAlert);
  });
}

Result<std::vector<AlertMessage>> SqlStore::AlertMessages(int limit) {
  return Guard([&]() -> Result<std::vector<AlertMessage>> {
    return ReadAll<AlertMessage>(db_.Query("newest_messages", {limit}), ReadMessage);
  });
}

Result<int> SqlStore::PruneAlerts(WallTime before, int limit) {
  return Guard([&]() -> Result<int> {
    return static_cast<int>(db_.Execute("prune_messages", {before, limit}) +
                            db_.Execute("prune_alerts", {before, limit}));
  });
}

Result<std::optional<WallTime>> SqlStore::LastCompletion() {
  return Guard([&]() -> Result<std::optional<WallTime>> {
    Rows rows = db_.Query("last_completion", {});
    if (!rows.Next()) return std::nullopt;
    return rows.MaybeTime(0);
  });
}

}  // namespace forager::store
