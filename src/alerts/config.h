// What is watched and who is told, from the configuration; replaced as a whole when it is read
// again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "job/time.h"

namespace forager::alerts {

enum class Kind {
  kJobStuck,          // rows run with nothing behind them
  kJobReset,          // stuck jobs were reset
  kFailureRate,       // of a type's jobs that ended
  kPendingAge,        // the oldest pending job waits too long
  kNothingCompleted,  // jobs wait, and none completes
  kDiskLow,
  kDatabaseAway,
  kKeeperRestarted,
};
inline constexpr Kind kAllKinds[] = {
    Kind::kJobStuck,         Kind::kJobReset, Kind::kFailureRate,  Kind::kPendingAge,
    Kind::kNothingCompleted, Kind::kDiskLow,  Kind::kDatabaseAway, Kind::kKeeperRestarted};
std::string_view Name(Kind kind);  // job_stuck ...
std::optional<Kind> ParseKind(std::string_view name);

struct Rule {
  std::string name;
  Kind kind = Kind::kJobStuck;
  bool critical = false;           // told in quiet hours too
  Millis hold{0};                  // must last so long before it is told
  Millis window{15 * 60'000};      // of kFailureRate; how long an event is talked about
  Millis age{6 * 3'600'000};       // of kPendingAge and kNothingCompleted
  double ratio = 0.5;              // of kFailureRate
  int minimum = 10;                // ended jobs, below which a rate says nothing
  std::string entity_type;         // of kFailureRate; "": each type for itself
  std::int64_t bytes = 512 << 20;  // of kDiskLow
  std::vector<std::string> to;     // receivers; none: all
};
// As its kind has it when the configuration says nothing.
Rule DefaultRule(Kind kind);

enum class Medium { kWebhook, kSlack, kEmail, kCommand };
std::string_view Name(Medium medium);

struct Receiver {
  std::string name;
  Medium medium = Medium::kWebhook;
  std::string url;      // of kWebhook and kSlack
  std::string secret;   // of kWebhook: signs what is sent
  std::string ca_file;  // authorities to trust instead of the system's
  std::string smtp;     // smtp://HOST:PORT or smtps://HOST:PORT
  std::string user, password, from;
  std::vector<std::string> to;
  std::vector<std::string> command;

  bool operator==(const Receiver&) const = default;
};

struct QuietHours {
  int from = 0, until = 0;  // minutes of the day; from > until spans midnight
  std::string zone = "UTC";
};
// `now`, or the end of the quiet hours that it lies in.
WallTime HeldUntil(const std::optional<QuietHours>& quiet, WallTime now);

struct Config {
  std::string url;               // of this server, as people type it
  Millis interval{10'000};       // between two looks
  Millis repeat{4 * 3'600'000};  // a reminder while it lasts; 0: none
  Millis timeout{10'000};        // of one delivery
  Millis retry{5'000};           // first wait after a failed delivery; doubles
  int max_tries = 10;
  std::optional<QuietHours> quiet;
  std::vector<Rule> rules;
  std::vector<Receiver> receivers;

  const Rule* FindRule(std::string_view name) const;
  std::vector<std::string> ReceiversOf(const Rule& rule) const;
};

}  // namespace forager::alerts
