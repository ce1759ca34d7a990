// The parts of this program that know the machine, as `forager doctor` asks them.
#pragma once

#include "app/settings.h"
#include "cli/machine.h"

namespace forager::app {

// `sources` must outlive it.
cli::Machine MakeMachine(const SettingSources& sources);

}  // namespace forager::app
