// Signals as data: blocked and waited for, or read by the event loop. No handler function exists
// but that of fatal_signals.h.
#pragma once

namespace forager::os {

// Default dispositions, nothing blocked: what a program expects at its start. Async-signal-safe.
void ResetSignals();
// What a polite stop sends. For a process that is ended only by its parent.
void BlockStopSignals();
// A closed pipe is an error of write(), not a death.
void IgnoreBrokenPipes();

}  // namespace forager::os
