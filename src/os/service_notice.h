// What a service tells the service manager that started it (sd_notify's protocol). Says nothing
// when none listens.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace forager::os {

// Lines such as "READY=1". Never blocks; what cannot be sent is dropped.
void TellServiceManager(std::string_view lines);
// How often the manager wants to hear WATCHDOG=1, if it does.
std::optional<std::chrono::milliseconds> WatchdogInterval();

}  // namespace forager::os
