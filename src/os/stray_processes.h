// Processes that do not want to end, for the self-test collector: the tree a supervisor must be
// able to kill.
#pragma once

namespace forager::os {

// Starts `children` children, one with a child of its own, and a double-forked daemon in a session
// of its own, all ignoring SIGTERM and SIGHUP. They end by themselves after an hour. False when the
// system refused.
bool StartStrayProcesses(int children);

}  // namespace forager::os
