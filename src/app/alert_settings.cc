#include "app/alert_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "app/setting_values.h"
#include "app/type_settings.h"
#include "calendar/zones.h"
#include "job/plain_text.h"

namespace forager::app {
namespace {

using namespace std::chrono_literals;
using alerts::Medium;
using alerts::Receiver;
using alerts::Rule;

constexpr std::size_t kMaxReceivers = 16, kMaxRules = 100;
constexpr const char* kHidden = "(hidden)";

template <typename T>
struct Row {
  std::string_view name;
  std::function<std::string(const FileValue&, T&)> apply;  // "" or what would be right
  bool secret = false;
};

std::string KeepMinutes(std::string_view text, int& minutes) {
  if (text.size() != 5 || text[2] != ':') return "HH:MM-HH:MM";
  auto hour = ParseWhole(text.substr(0, 2), 0, 23), minute = ParseWhole(text.substr(3), 0, 59);
  if (!hour || !minute) return "HH:MM-HH:MM";
  minutes = static_cast<int>(*hour * 60 + *minute);
  return "";
}

std::string KeepQuiet(std::string_view text, alerts::Config& config) {
  auto dash = text.find('-');
  if (dash == text.npos) return "HH:MM-HH:MM";
  alerts::QuietHours quiet = config.quiet.value_or(alerts::QuietHours{});
  std::string wrong = KeepMinutes(text.substr(0, dash), quiet.from);
  if (wrong.empty()) wrong = KeepMinutes(text.substr(dash + 1), quiet.until);
  if (wrong.empty()) config.quiet = quiet;
  return wrong;
}

std::string KeepUrl(std::string_view text, std::string& url) {
  if (!text.starts_with("http://") && !text.starts_with("https://")) return "an http or https URL";
  url = text;
  return "";
}

// No line break may get into a header.
std::string KeepAddress(std::string_view text, std::string& address) {
  bool good = text.find('@') != text.npos && text.find_first_of("\r\n,") == text.npos;
  if (!good) return "an e-mail address";
  address = text;
  return "";
}

std::string KeepAddresses(const FileValue& value, std::vector<std::string>& all) {
  for (const std::string& item : value.is_array ? value.items : std::vector{value.text}) {
    std::string address;
    if (std::string wrong = KeepAddress(item, address); !wrong.empty()) return wrong;
    all.push_back(address);
  }
  return all.empty() ? "at least one e-mail address" : "";
}

const std::vector<Row<alerts::Config>>& General() {
  using Config = alerts::Config;
  static const std::vector<Row<Config>> kRows = {
      {"check_interval",
       [](auto& v, Config& c) { return Keep(ParseSpan(v.text, 100ms, 1h), c.interval); }},
      {"repeat",
       [](auto& v, Config& c) { return Keep(ParseSpan(v.text, 0ms, 30 * 24h), c.repeat); }},
      {"timeout",
       [](auto& v, Config& c) { return Keep(ParseSpan(v.text, 100ms, 2min), c.timeout); }},
      {"retry", [](auto& v, Config& c) { return Keep(ParseSpan(v.text, 10ms, 1h), c.retry); }},
      {"max_tries",
       [](auto& v, Config& c) { return Keep(ParseWhole(v.text, 1, 100), c.max_tries); }},
      {"quiet_hours", [](auto& v, Config& c) { return KeepQuiet(v.text, c); }},
      {"time_zone",
       [](auto& v, Config& c) -> std::string {
         if (!calendar::FindZone(v.text)) return "a time zone such as Europe/Berlin";
         if (c.quiet) c.quiet->zone = v.text;
         return "";
       }},
  };
  return kRows;
}

const std::vector<Row<Rule>>& RuleRows() {
  static const std::vector<Row<Rule>> kRows = {
      {"severity",
       [](auto& v, Rule& r) -> std::string {
         auto choice = ParseChoice(v.text, {"warning", "critical"});
         if (!choice) return choice.error();
         r.critical = *choice == "critical";
         return "";
       }},
      {"hold", [](auto& v, Rule& r) { return Keep(ParseSpan(v.text, 0ms, 24h), r.hold); }},
      {"window", [](auto& v, Rule& r) { return Keep(ParseSpan(v.text, 1s, 24h), r.window); }},
      {"age", [](auto& v, Rule& r) { return Keep(ParseSpan(v.text, 1ms, 365 * 24h), r.age); }},
      {"ratio", [](auto& v, Rule& r) { return Keep(ParseNumber(v.text, 0, 1), r.ratio); }},
      {"minimum",
       [](auto& v, Rule& r) { return Keep(ParseWhole(v.text, 1, 1'000'000), r.minimum); }},
      {"entity_type",
       [](auto& v, Rule& r) {
         r.entity_type = v.text;
         return std::string();
       }},
      {"free",
       [](auto& v, Rule& r) { return Keep(ParseBytes(v.text, 1 << 20, 1LL << 50), r.bytes); }},
      {"to",
       [](auto& v, Rule& r) {
         r.to = v.is_array ? v.items : std::vector{v.text};
         return std::string();
       }},
  };
  return kRows;
}

const std::vector<Row<Receiver>>& ReceiverRows() {
  static const std::vector<Row<Receiver>> kRows = {
      {"url", [](auto& v, Receiver& r) { return KeepUrl(v.text, r.url); }, true},
      {"secret",
       [](auto& v, Receiver& r) {
         r.secret = v.text;
         return std::string();
       },
       true},
      {"ca_file",
       [](auto& v, Receiver& r) {
         r.ca_file = v.text;
         return std::string();
       }},
      {"smtp",
       [](auto& v, Receiver& r) -> std::string {
         if (!v.text.starts_with("smtp://") && !v.text.starts_with("smtps://"))
           return "smtp://HOST:PORT or smtps://HOST:PORT";
         r.smtp = v.text;
         return "";
       }},
      {"user",
       [](auto& v, Receiver& r) {
         r.user = v.text;
         return std::string();
       }},
      {"password",
       [](auto& v, Receiver& r) {
         r.password = v.text;
         return std::string();
       },
       true},
      {"from", [](auto& v, Receiver& r) { return KeepAddress(v.text, r.from); }},
      {"to", [](auto& v, Receiver& r) { return KeepAddresses(v, r.to); }},
      {"command",
       [](auto& v, Receiver& r) -> std::string {
         if (!v.is_array || v.items.empty() || !v.items[0].starts_with("/"))
           return "an array that begins with a program's whole path";
         r.command = v.items;
         return "";
       }},
  };
  return kRows;
}

template <typename T>
Result<void> Apply(const std::string& table, const FileTable& values,
                   const std::vector<Row<T>>& rows, std::string_view but, T& into,
                   std::vector<api::SettingView>& views) {
  for (const Row<T>& row : rows) {
    auto value = values.find(std::string(row.name));
    if (value == values.end()) continue;
    std::string name = fmt::format("{}.{}", table, row.name);
    std::string shown = row.secret ? kHidden : WithoutSecrets(value->second.text);
    std::ranges::replace_if(
        shown, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
    if (std::string right = row.apply(value->second, into); !right.empty())
      return WrongValue(name, shown, value->second.source, right);
    views.push_back({name, shown, value->second.source});
  }
  for (const auto& [key, value] : values) {
    if (key == but || std::ranges::find(rows, key, &Row<T>::name) != rows.end()) continue;
    return Fail(ErrorCode::kInvalid,
                fmt::format("{}: unknown key {}.{}", value.source, table, key));
  }
  return {};
}

std::string SourceOf(const FileTable& values) {
  return values.empty() ? "file" : values.begin()->second.source;
}

Result<Rule> ReadRule(const std::string& name, const FileTable& values,
                      std::vector<api::SettingView>& views) {
  std::string table = "alerts.rules." + name;
  auto when = values.find("when");
  auto kind = alerts::ParseKind(when == values.end() ? name : when->second.text);
  if (!kind) {
    std::string known;
    for (alerts::Kind one : alerts::kAllKinds)
      known += fmt::format("{}{}", known.empty() ? "" : ", ", alerts::Name(one));
    return WrongValue(table + ".when", when == values.end() ? name : when->second.text,
                      SourceOf(values), "one of " + known);
  }
  Rule rule = alerts::DefaultRule(*kind);
  rule.name = name;
  views.push_back({table + ".when", std::string(alerts::Name(*kind)), SourceOf(values)});
  if (auto applied = Apply(table, values, RuleRows(), "when", rule, views); !applied)
    return std::unexpected(applied.error());
  return rule;
}

Result<Receiver> ReadReceiver(const std::string& name, const FileTable& values,
                              std::vector<api::SettingView>& views) {
  std::string table = "alerts.receivers." + name;
  auto kind = values.find("kind");
  Receiver receiver;
  receiver.name = name;
  auto medium = ParseChoice(kind == values.end() ? "" : kind->second.text,
                            {"webhook", "slack", "email", "command"});
  if (!medium)
    return WrongValue(table + ".kind", kind == values.end() ? "" : kind->second.text,
                      SourceOf(values), medium.error());
  for (Medium one : {Medium::kWebhook, Medium::kSlack, Medium::kEmail, Medium::kCommand}) {
    if (alerts::Name(one) == *medium) receiver.medium = one;
  }
  views.push_back({table + ".kind", *medium, SourceOf(values)});
  if (auto applied = Apply(table, values, ReceiverRows(), "kind", receiver, views); !applied)
    return std::unexpected(applied.error());
  const char* missing = nullptr;
  bool web = receiver.medium == Medium::kWebhook || receiver.medium == Medium::kSlack;
  if (web && receiver.url.empty()) missing = "url";
  if (receiver.medium == Medium::kCommand && receiver.command.empty()) missing = "command";
  if (receiver.medium == Medium::kEmail) {
    if (receiver.to.empty()) missing = "to";
    if (receiver.from.empty()) missing = "from";
    if (receiver.smtp.empty()) missing = "smtp";
  }
  if (missing) {
    return Fail(ErrorCode::kInvalid,
                fmt::format("{}: {} needs {}", SourceOf(values), table, missing));
  }
  return receiver;
}

Result<void> CheckReceivers(const alerts::Config& config, const ConfigFile& file) {
  for (const Rule& rule : config.rules) {
    for (const std::string& name : rule.to) {
      if (std::ranges::find(config.receivers, name, &Receiver::name) != config.receivers.end())
        continue;
      const FileValue& value = file.alert_rules.at(rule.name).at("to");
      return WrongValue(fmt::format("alerts.rules.{}.to", rule.name), value.text, value.source,
                        "names of [alerts.receivers.NAME] tables");
    }
  }
  return {};
}

}  // namespace

Result<alerts::Config> ReadAlerts(const ConfigFile& file, std::vector<api::SettingView>& views) {
  alerts::Config config;
  if (auto general = Apply("alerts", file.alerts, General(), "", config, views); !general)
    return std::unexpected(general.error());
  if (file.alert_rules.size() > kMaxRules || file.alert_receivers.size() > kMaxReceivers) {
    return Fail(ErrorCode::kInvalid,
                fmt::format("alerts: at most {} rules and {} receivers", kMaxRules, kMaxReceivers));
  }
  for (const auto& [name, values] : file.alert_receivers) {
    auto receiver = ReadReceiver(name, values, views);
    if (!receiver) return std::unexpected(receiver.error());
    config.receivers.push_back(std::move(*receiver));
  }
  for (const auto& [name, values] : file.alert_rules) {
    auto rule = ReadRule(name, values, views);
    if (!rule) return std::unexpected(rule.error());
    config.rules.push_back(std::move(*rule));
  }
  if (auto known = CheckReceivers(config, file); !known) return std::unexpected(known.error());
  if (config.rules.empty()) {
    for (alerts::Kind kind : alerts::kAllKinds) config.rules.push_back(alerts::DefaultRule(kind));
  }
  return config;
}

}  // namespace forager::app
