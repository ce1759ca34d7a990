// The [defaults] and [types.*] tables of forager.toml: what an entity type is collected by, and its
// limits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/config_file.h"
#include "app/settings.h"
#include "job/type_catalog.h"

namespace forager::app {

// Text and source of a [defaults] key: flag, environment, file, default.
using ChooseDefault = std::function<std::pair<std::string, std::string>(
    std::string_view name, std::string_view environment, std::string_view fallback)>;

std::vector<SettingHelp> DefaultsHelp();

// Beside the catalogue: what is shown of it, and what its reader should know.
struct SettingsReport {
  std::vector<api::SettingView>& views;
  std::vector<std::string>& warnings;
};

// `shipped` is the text of the types that come with the program; `file` wins over it key by key.
// `base` is the directory of the configuration file, from which relative paths are taken.
Result<std::shared_ptr<const TypeCatalog>> MakeCatalog(std::string_view shipped,
                                                       const ConfigFile& file,
                                                       const ChooseDefault& choose, bool self_test,
                                                       const std::string& base,
                                                       SettingsReport& report);

// `NAME = "VALUE" (SOURCE) is wrong: it must be RIGHT`.
std::unexpected<Error> WrongValue(std::string_view name, std::string_view value,
                                  std::string_view source, std::string_view right);

}  // namespace forager::app
