// The files of a server that its attempts must neither read nor change, wherever the settings put
// them: handed to the supervisor at the start and when the configuration was read again.
#pragma once

#include "app/settings.h"
#include "os/mount_view.h"

namespace forager::app {

os::ProtectedFiles ProtectedFilesOf(const Settings& settings);

}  // namespace forager::app
