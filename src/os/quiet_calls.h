// System calls that touch nothing but their arguments: no errno, no state of the thread, no heap.
// For a process that shares its parent's memory while the parent runs on. Errors are negative
// errno values.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <string_view>

#include "os/child_process.h"

namespace forager::os::quiet {

// Whether this build can do so; else these calls are libc's.
extern const bool kQuiet;

// The next blocked signal; 0 when none came in time, or on an interruption.
int WaitSignal(std::chrono::milliseconds limit);
int WaitSignal();
// `pid` -1: everything in the caller's PID namespace but itself.
bool SendSignal(pid_t pid, int signal);
// One ended child, as os::ReapAny without blocking.
std::expected<Reaped, int> ReapAny();
// One message to a socket; waits while it is full. False: nobody will read it.
bool SendBlocking(int socket, std::string_view bytes);
// Up to `size` bytes, or 0 at the end, or an error.
long Read(int fd, void* bytes, std::size_t size);
void CloseRange(unsigned first, unsigned last);
std::chrono::milliseconds Uptime();
// Waits while `word` is `value`; wakes those who wait.
void WaitWhile(const std::uint32_t& word, std::uint32_t value);
void WakeWaiting(const std::uint32_t& word);
[[noreturn]] void Exit(int code);

}  // namespace forager::os::quiet
