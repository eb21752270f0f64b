/* What this process does to itself. */
#pragma once
#include <stdint.h>

/* Enter the network namespace behind fd; 0 or a negative errno. */
int zc_enter_netns(int fd);
/* Of the effective and permitted capabilities of this thread keep those of the mask; 0 or a negative errno. */
int zc_keep_capabilities(uint64_t kept);
/* Of the permitted capabilities of this thread those of the mask are in effect from now on; 0 or a negative errno. */
int zc_use_capabilities(uint64_t used);
/* Become that user, where this process is root and its parent can still end it then, keep the capabilities of the mask, and gain
 * none again by any exec(); 0 or a negative errno. Afterwards zc_die_with_parent() has to be called again. */
int zc_give_up_root(uint32_t uid, uint32_t gid, uint64_t kept);
/* From now on a call that receiving does not need fails with ENOSYS, in all threads started later; 0, also where the kernel
 * has no seccomp filters, or a negative errno. */
int zc_allow_only_receiving(void);
/* Be killed when the parent dies, so that a killed run leaves no sender behind; 0 or a negative errno. */
int zc_die_with_parent(void);
/* The signal that asked for the end of the last run while its loops had the handlers; 0: none did. */
int zc_stop_signal(void);
/* The calling thread no longer shares its working directory with the others: 0 or a negative errno. */
int zc_own_working_directory(void);
