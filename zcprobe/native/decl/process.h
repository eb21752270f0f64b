/* SPDX-License-Identifier: GPL-2.0-only */
/* What this process does to itself. */
#pragma once
#include <stdint.h>

/* Enters the network namespace behind fd. 0 or a negative errno. */
int zc_enter_netns(int fd);
/* Gives up every effective and permitted capability of this thread that is not in the mask. 0 or a negative errno. */
int zc_keep_capabilities(uint64_t kept);
/* Puts into effect those permitted capabilities of this thread that are in the mask, and no others. 0 or a negative errno. */
int zc_use_capabilities(uint64_t used);
/* Keeps only the capabilities of the mask and lets no exec() gain others. Becomes that user first, if this process is root and
 * its parent could still end it. 0 or a negative errno. Call zc_die_with_parent() again afterwards. */
int zc_give_up_root(uint32_t uid, uint32_t gid, uint64_t kept);
/* Makes system calls that a sink does not need fail with ENOSYS, in this thread and all that it starts. 0, also where the
 * kernel has no seccomp filters, or a negative errno. */
int zc_allow_only_receiving(void);
/* Has this process killed when its parent dies, so that a killed run leaves no sender behind. 0 or a negative errno. */
int zc_die_with_parent(void);
/* The signal that asked the last run to end while its loops had the handlers; 0 when none did. */
int zc_stop_signal(void);
/* Gives the calling thread a working directory of its own. 0 or a negative errno. */
int zc_own_working_directory(void);
