/* SPDX-License-Identifier: GPL-2.0-only */
/* memlock: the account that RLIMIT_MEMLOCK limits, and the limit itself. */
#pragma once

#include "kernel_reads.h"

#define RLIMIT_MEMLOCK 8
#define RLIM_INFINITY (~0ULL)
#define PAGE_SHIFT_ 12

static __always_inline u32 in_pages(u64 bytes)
{
	return bytes == RLIM_INFINITY || bytes >> PAGE_SHIFT_ >= UNKNOWN ? UNKNOWN : bytes >> PAGE_SHIFT_;
}

/* The current user's locked pages, and the limit of the current process. */
static __always_inline void read_memlock(u32 *locked_pages, u32 *limit_pages)
{
	u64 task = CURRENT_TASK(), cred = read_u64(task + OFFSET_task_struct_cred);
	u64 user = cred ? read_u64(cred + OFFSET_cred_user) : 0;
	u64 signal = read_u64(task + OFFSET_task_struct_signal);

	*locked_pages = user ? read_u64(user + OFFSET_user_struct_locked_vm) : UNKNOWN;
	*limit_pages = UNKNOWN;
	if (signal)
		*limit_pages = in_pages(read_u64(signal + OFFSET_signal_struct_rlim + RLIMIT_MEMLOCK * SIZE_rlimit));
}
