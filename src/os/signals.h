// Signals as data: blocked and waited for, or read by the event loop. No handler function exists
// but that of fatal_signals.h.
#pragma once

namespace forager::os {

// Default dispositions, nothing blocked: what a program expects at its start. Async-signal-safe.
void ResetSignals();
// What a polite stop sends. For a process that is ended only by its parent.
void BlockStopSignals();
// A closed pipe and a file that may not grow are errors of write(), not deaths.
void IgnoreWriteSignals();
// These, and what would end a server that has no use for it: SIGUSR1, SIGALRM, SIGPWR and the like.
void IgnoreStraySignals();

}  // namespace forager::os
