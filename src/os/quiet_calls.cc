#include "os/quiet_calls.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace forager::os::quiet {
namespace {

using std::chrono::milliseconds;

// Sanitizers keep books about stacks and threads that a second process would spoil.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kPossible = false;
#elif defined(__x86_64__) || defined(__aarch64__)
constexpr bool kPossible = true;
#else
constexpr bool kPossible = false;
#endif

long Raw(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
#else
  long result = syscall(number, a, b, c, d, e, f);
  return result < 0 ? -errno : result;
#endif
}

template <typename T>
long Word(T value) {
  if constexpr (std::is_null_pointer_v<T>)
    return 0;
  else if constexpr (std::is_pointer_v<T>)
    return static_cast<long>(reinterpret_cast<std::uintptr_t>(value));
  else
    return static_cast<long>(value);
}

template <typename... Arguments>
long Call(long number, Arguments... arguments) {
  long words[6] = {Word(arguments)...};
  return Raw(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};

int NextSignal(const timespec* limit) {
  std::uint64_t all = kAllSignals;
  long signal = Call(SYS_rt_sigtimedwait, &all, nullptr, limit, sizeof all);
  return signal > 0 ? static_cast<int>(signal) : 0;
}

std::int64_t Millis(const timeval& time) { return time.tv_sec * 1000LL + time.tv_usec / 1000; }

timespec Span(milliseconds span) { return {span.count() / 1000, span.count() % 1000 * 1'000'000}; }

}  // namespace

const bool kQuiet = kPossible;

int WaitSignal(milliseconds limit) {
  timespec time = Span(limit);
  return NextSignal(&time);
}

int WaitSignal() { return NextSignal(nullptr); }

bool SendSignal(pid_t pid, int signal) { return Call(SYS_kill, pid, signal) == 0; }

std::expected<Reaped, int> ReapAny() {
  int status = 0;
  rusage usage{};
  long pid;
  do {
    pid = Call(SYS_wait4, -1, &status, __WALL | WNOHANG, &usage);
  } while (pid == -EINTR);
  if (pid < 0) return std::unexpected(static_cast<int>(-pid));
  if (pid == 0) return Reaped{};
  return Reaped{static_cast<pid_t>(pid), status, Millis(usage.ru_utime), Millis(usage.ru_stime),
                usage.ru_maxrss};
}

bool SendBlocking(int socket, std::string_view bytes) {
  while (true) {
    long sent = Call(SYS_sendto, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                     nullptr, 0);
    if (sent >= 0) return true;
    bool full = sent == -EAGAIN || sent == -ENOBUFS || sent == -ENOMEM;
    if (!full && sent != -EINTR) return false;
    pollfd room{socket, POLLOUT, 0};
    timespec limit = Span(milliseconds(100));
    if (full) Call(SYS_ppoll, &room, 1, &limit, nullptr, 0);
  }
}

long Read(int fd, void* bytes, std::size_t size) {
  long got;
  do {
    got = Call(SYS_read, fd, bytes, size);
  } while (got == -EINTR);
  return got;
}

void CloseRange(unsigned first, unsigned last) { Call(SYS_close_range, first, last, 0); }

milliseconds Uptime() {
  timespec time{};
  Call(SYS_clock_gettime, CLOCK_BOOTTIME, &time);
  return milliseconds(time.tv_sec * 1000 + time.tv_nsec / 1'000'000);
}

void WaitWhile(const std::uint32_t& word, std::uint32_t value) {
  while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == value) {
    Call(SYS_futex, &word, FUTEX_WAIT, value, nullptr);
  }
}

void WakeWaiting(const std::uint32_t& word) { Call(SYS_futex, &word, FUTEX_WAKE, 1); }

void Exit(int code) {
  while (true) Call(SYS_exit_group, code);
}

}  // namespace forager::os::quiet
