#include "alerts/config.h"

#include <algorithm>
#include <array>

#include "calendar/zones.h"

namespace forager::alerts {
namespace {

constexpr std::array<std::string_view, 8> kKindNames = {
    "job_stuck",         "job_reset", "failure_rate",  "pending_age",
    "nothing_completed", "disk_low",  "database_away", "keeper_restarted"};

}  // namespace

std::string_view Name(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::optional<Kind> ParseKind(std::string_view name) {
  for (Kind kind : kAllKinds) {
    if (Name(kind) == name) return kind;
  }
  return std::nullopt;
}

std::string_view Name(Medium medium) {
  switch (medium) {
    case Medium::kWebhook:
      return "webhook";
    case Medium::kSlack:
      return "slack";
    case Medium::kEmail:
      return "email";
    case Medium::kCommand:
      return "command";
  }
  return "";
}

Rule DefaultRule(Kind kind) {
  using namespace std::chrono_literals;
  Rule rule;
  rule.name = Name(kind);
  rule.kind = kind;
  rule.critical = kind == Kind::kJobStuck || kind == Kind::kDatabaseAway || kind == Kind::kDiskLow;
  if (kind == Kind::kDatabaseAway) rule.hold = 10s;
  if (kind == Kind::kNothingCompleted) rule.age = 2h;
  return rule;
}

WallTime HeldUntil(const std::optional<QuietHours>& quiet, WallTime now) {
  using namespace std::chrono;
  if (!quiet || quiet->from == quiet->until) return now;
  auto zone = calendar::FindZone(quiet->zone);
  if (!zone) return now;
  local_seconds local = zone->ToLocal(floor<seconds>(now));
  local_days today = floor<days>(local);
  auto minute = static_cast<int>(duration_cast<minutes>(local - today).count());
  bool spans = quiet->from > quiet->until;
  bool inside = spans ? minute >= quiet->from || minute < quiet->until
                      : minute >= quiet->from && minute < quiet->until;
  if (!inside) return now;
  if (spans && minute >= quiet->from) today += days(1);
  return zone->FromLocal(today + minutes(quiet->until));
}

const Rule* Config::FindRule(std::string_view name) const {
  auto found = std::ranges::find(rules, name, &Rule::name);
  return found == rules.end() ? nullptr : &*found;
}

std::vector<std::string> Config::ReceiversOf(const Rule& rule) const {
  std::vector<std::string> names = rule.to;
  if (names.empty()) {
    for (const Receiver& receiver : receivers) names.push_back(receiver.name);
  }
  return names;
}

}  // namespace forager::alerts
