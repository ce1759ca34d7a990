// A server that is process 1 (a container without an init) inherits whatever loses its parent: the
// trees of a dead keeper's attempts above all. Such orphans are reaped here; a child that somebody
// waits for is noted and left to him.
#pragma once

#include <sys/types.h>

#include <mutex>

namespace forager::os {

// To be held from before a child is made until it is noted: it may end at once.
std::unique_lock<std::mutex> HoldReaping();
void NoteChild(pid_t child);
void ForgetChild(pid_t child);

// Reaps the ended children that nobody noted. Does nothing unless this is process 1.
void ReapOrphans();

}  // namespace forager::os
