// The [alerts] tables of the configuration file: what is watched and who is told.
#pragma once

#include <vector>

#include "alerts/config.h"
#include "api/control.h"
#include "app/config_file.h"

namespace forager::app {

// Without rules of the user's own every kind is watched as it comes. Adds what is in force to
// `views`, secrets hidden.
Result<alerts::Config> ReadAlerts(const ConfigFile& file, std::vector<api::SettingView>& views);

}  // namespace forager::app
