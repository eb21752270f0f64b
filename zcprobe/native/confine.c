// SPDX-License-Identifier: GPL-2.0-only
/* Takes from a child process of a run what its part does not need: root's name, capabilities, system calls. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "decl/process.h"

#define MASK(capability) (1ULL << (capability))

_Static_assert(_LINUX_CAPABILITY_U32S_3 * 32 == 64, "a mask of 64 bits holds every capability");

static int read_capabilities(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &header, data) ? -errno : 0;
}

static int write_capabilities(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int zc_keep_capabilities(uint64_t kept)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int error = read_capabilities(data);

	for (int i = 0; !error && i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(kept >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return error ? error : write_capabilities(data);
}

int zc_use_capabilities(uint64_t used)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int error = read_capabilities(data);

	for (int i = 0; !error && i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted & (uint32_t)(used >> (32 * i));
	return error ? error : write_capabilities(data);
}

/* The parent has the capabilities that this process began with. Without CAP_KILL it could not end a child of another user. */
static bool may_become_another_user(void)
{
	uint64_t needed = MASK(CAP_SETUID) | MASK(CAP_SETGID) | MASK(CAP_KILL);
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !read_capabilities(data) && !(needed & ~(uint64_t)data[0].effective);
}

/* EINVAL: the user namespace has no such user. Root in such a namespace has no rights outside. */
static int become(uint32_t uid, uint32_t gid)
{
	if (geteuid() != 0 || !may_become_another_user())
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return -errno;
	if (setresgid(gid, gid, gid))
		return errno == EINVAL ? 0 : -errno;
	return setgroups(0, NULL) || setresuid(uid, uid, uid) ? -errno : 0;
}

int zc_give_up_root(uint32_t uid, uint32_t gid, uint64_t kept)
{
	int error = become(uid, gid);

	if (!error)
		error = zc_keep_capabilities(kept);
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		error = -errno;
	return error;
}

/* What the interpreter, its threads, and a socket that listens, receives and answers call. Missing on purpose: starting
 * programs, writing files, namespaces, mounts, bpf(). */
/* clang-format off */
static const char *const receiving[] = {
	"accept", "accept4", "bind", "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "clone3", "close",
	"close_range", "connect", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
	"epoll_wait", "eventfd2", "exit", "exit_group", "fcntl", "fstat", "fstatfs", "futex", "futex_wait", "futex_waitv",
	"futex_wake", "getcwd", "getdents64", "getegid", "geteuid", "getgid", "getpeername", "getpid", "getppid", "getrandom",
	"getrusage", "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid", "listen", "lseek", "madvise", "membarrier",
	"mmap", "mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "pipe2", "poll", "ppoll", "pread64", "prlimit64",
	"pselect6", "read", "readlink", "readlinkat", "readv", "recvfrom", "recvmmsg", "recvmsg", "restart_syscall", "rseq",
	"rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sched_getaffinity",
	"sched_yield", "select", "sendmmsg", "sendmsg", "sendto", "set_robust_list", "setsockopt", "shutdown", "sigaltstack",
	"socket", "socketpair", "statx", "sysinfo", "uname", "write", "writev",
};
/* clang-format on */

static const unsigned long controls[] = { FIONBIO, FIOCLEX, FIONCLEX, FIONREAD, TCGETS };

static int allow(scmp_filter_ctx filter, const char *name, unsigned count, struct scmp_arg_cmp argument)
{
	int number = seccomp_syscall_resolve_name(name);

	/* a negative number: this architecture lacks the call */
	return number < 0 ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count, &argument);
}

static int allow_receiving(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp any = { 0 };
	int error = 0;

	for (size_t i = 0; !error && i < sizeof(receiving) / sizeof(*receiving); i++)
		error = allow(filter, receiving[i], 0, any);
	for (size_t i = 0; !error && i < sizeof(controls) / sizeof(*controls); i++)
		error = allow(filter, "ioctl", 1, SCMP_A1(SCMP_CMP_EQ, controls[i], 0));
	if (!error) /* for modules that are imported late */
		error = allow(filter, "openat", 1, SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	if (!error)
		error = allow(filter, "clone", 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	for (const char *const *name = (const char *const[]){ "kill", "tgkill", NULL }; !error && *name; name++)
		error = allow(filter, *name, 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	return error;
}

int zc_allow_only_receiving(void)
{
	/* ENOSYS, as from a kernel that lacks the call, makes libraries fall back to an older one. */
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int error;

	if (!filter)
		return -ENOMEM;
	error = allow_receiving(filter);
	if (!error)
		error = seccomp_load(filter);
	if (error == -ECANCELED) /* the kernel refused the filter: errno says why */
		error = -errno;
	seccomp_release(filter);
	return error == -EINVAL || error == -ENOSYS || error == -EOPNOTSUPP ? 0 : error;
}
