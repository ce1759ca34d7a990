#include <linux/filter.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "os/sandbox.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif

namespace forager::os {
namespace {

// What no collector has business with: other processes, the kernel, and ways out of the sandbox.
constexpr const char* kDenied[] = {"ptrace",
                                   "process_vm_readv",
                                   "process_vm_writev",
                                   "process_madvise",
                                   "process_mrelease",
                                   "kcmp",
                                   "pidfd_open",
                                   "pidfd_getfd",
                                   "pidfd_send_signal",
                                   "mount",
                                   "umount",
                                   "umount2",
                                   "mount_setattr",
                                   "move_mount",
                                   "open_tree",
                                   "fsopen",
                                   "fsmount",
                                   "fsconfig",
                                   "fspick",
                                   "pivot_root",
                                   "chroot",
                                   "unshare",
                                   "setns",
                                   "io_uring_setup",
                                   "io_uring_enter",
                                   "io_uring_register",
                                   "bpf",
                                   "keyctl",
                                   "add_key",
                                   "request_key",
                                   "perf_event_open",
                                   "userfaultfd",
                                   "init_module",
                                   "finit_module",
                                   "delete_module",
                                   "kexec_load",
                                   "kexec_file_load",
                                   "reboot",
                                   "swapon",
                                   "swapoff",
                                   "acct",
                                   "quotactl",
                                   "quotactl_fd",
                                   "settimeofday",
                                   "clock_settime",
                                   "clock_adjtime",
                                   "adjtimex",
                                   "sethostname",
                                   "setdomainname",
                                   "syslog",
                                   "open_by_handle_at",
                                   "name_to_handle_at",
                                   "fanotify_init",
                                   "lookup_dcookie",
                                   "iopl",
                                   "ioperm",
                                   "vhangup",
                                   "personality",
                                   "memfd_secret",
                                   "nfsservctl",
                                   "modify_ldt",
                                   "uselib",
                                   "ustat",
                                   "_sysctl",
                                   "vm86",
                                   "vm86old"};
constexpr const char* kDeniedWithoutExecution[] = {"execve", "execveat"};
constexpr std::uint64_t kNamespaceFlags[] = {CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
                                             CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
                                             CLONE_NEWNET};
constexpr int kDeniedFamilies[] = {AF_ALG,       AF_VSOCK, AF_PACKET, AF_XDP,
                                   AF_BLUETOOTH, AF_CAN,   AF_TIPC};

int Deny(scmp_filter_ctx filter, const char* name) {
  int number = seccomp_syscall_resolve_name(name);
  if (number < 0) return 0;  // not on this architecture
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
}

// Their first argument names the process; 0 is the caller.
constexpr const char* kOfOneProcess[] = {
    "prlimit64",     "sched_setaffinity", "sched_setscheduler", "sched_setparam",
    "sched_setattr", "migrate_pages",     "move_pages"};
// Their second.
constexpr const char* kOfSomeProcesses[] = {"setpriority", "ioprio_set"};

int AddProcessRules(scmp_filter_ctx filter) {
  int error = 0;
  for (const char* name : kOfOneProcess) {
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error) continue;
    error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 1, SCMP_A0(SCMP_CMP_NE, 0, 0));
  }
  for (const char* name : kOfSomeProcesses) {
    if (error) break;
    error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(name), 1,
                             SCMP_A1(SCMP_CMP_NE, 0, 0));
  }
  return error;
}

int AddRules(scmp_filter_ctx filter, SystemCallFilter::Allowed allowed) {
  int error = 0;
  for (const char* name : kDenied) error = error ? error : Deny(filter, name);
  if (!allowed.execution) {
    for (const char* name : kDeniedWithoutExecution) error = error ? error : Deny(filter, name);
  }
  for (std::uint64_t flag : kNamespaceFlags) {
    if (error) break;
    error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
  }
  if (!error && !allowed.other_processes) error = AddProcessRules(filter);
  // Its flags are in memory, out of the filter's sight; libraries fall back to clone.
  if (!error) error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  for (int family : kDeniedFamilies) {
    if (error) break;
    error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family), 0));
  }
  return error;
}

}  // namespace

static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));

std::expected<SystemCallFilter, std::string> SystemCallFilter::Make(Allowed allowed) {
  if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
    return std::unexpected(std::string("the kernel has no seccomp"));
  }
  scmp_filter_ctx raw = seccomp_init(SCMP_ACT_ALLOW);
  if (!raw) return std::unexpected(std::string("no memory for the system call filter"));
  std::unique_ptr<void, void (*)(void*)> filter(raw, seccomp_release);
  seccomp_attr_set(raw, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  seccomp_attr_set(raw, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  int error = AddRules(raw, allowed);
  Descriptor file(memfd_create("filter", MFD_CLOEXEC));
  if (!error && file) error = seccomp_export_bpf(raw, file.get());
  off_t size = file ? lseek(file.get(), 0, SEEK_END) : -1;
  SystemCallFilter made;
  if (!error && size > 0) {
    made.instructions_.resize(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (pread(file.get(), made.instructions_.data(), size, 0) != size) error = EIO;
  }
  if (error || made.instructions_.empty()) {
    return std::unexpected(std::string("the system call filter cannot be made: ") +
                           std::strerror(error < 0 ? -error : error));
  }
  return made;
}

int SystemCallFilter::Install() const {
  sock_fprog program{
      static_cast<unsigned short>(instructions_.size()),
      reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(instructions_.data()))};
  return prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &program, 0, 0) == 0 ? 0 : errno;
}

}  // namespace forager::os
