// `forager doctor`: looks at everything a server needs and everything that may be wrong with one,
// and says what to do. Works with the server up or down.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/machine.h"

namespace forager::cli {

enum class Health { kOk, kNote, kWarning, kFault };
std::string_view Name(Health health);

struct Finding {
  std::string check;
  Health health;
  std::string message;
  std::string advice;  // what to do; "" when nothing is
};

// What the checks share and find.
struct Examination {
  Client& client;
  const Machine& machine;
  std::string version{};  // ours
  bool thorough = false;
  bool local = true;  // the server is, or would be, of this machine's data directory
  std::optional<LocalSettings> settings{};
  std::string data_dir{};
  bool up = false;       // a server answers
  bool allowed = false;  // and lets us read
  int server_pid = 0;
  std::vector<Finding> findings{};

  void Add(std::string check, Health health, std::string message, std::string advice = {}) {
    findings.push_back({std::move(check), health, std::move(message), std::move(advice)});
  }
  void Ok(std::string check, std::string message) {
    Add(std::move(check), Health::kOk, std::move(message));
  }
};

// In this order; each adds one finding or more.
void CheckSettings(Examination& e, const std::string& config);
void CheckDataDir(Examination& e);
void CheckDisk(Examination& e);
void CheckClock(Examination& e);
void CheckSandbox(Examination& e);
void CheckServer(Examination& e);
void CheckLimits(Examination& e);
void CheckCapacity(Examination& e);
void CheckDatabase(Examination& e);
void CheckMonitor(Examination& e);
void CheckDispatch(Examination& e);
void CheckRunning(Examination& e);

}  // namespace forager::cli
