// SPDX-License-Identifier: GPL-2.0-only
/* memlock: evidence for RLIMIT_MEMLOCK in the current send call.
 *
 * mm_account_pinned_pages() calls capable(CAP_IPC_LOCK) only after sock_omalloc() succeeded, and the limit applies only to a
 * refused caller. So with tracepoints, on TCP, an ENOBUFS with a refusal is memlock, and one without a refusal is not.
 */

#include "calls.h"
#include "evidence.h"
#include "zcprobe.h"

#define CAP_IPC_LOCK 14

#ifndef FUNCTIONS
/* capability:cap_capable(cred, target_ns, capable_ns, cap, ret), since 6.14 */
int on_cap_capable(struct bpf_raw_tracepoint_args *ctx)
{
	if ((int)ctx->args[3] == CAP_IPC_LOCK && (int)ctx->args[4] != 0)
		note_evidence(ZC_SAW_CAPABILITY_REFUSED);
	return 0;
}
#else
/* mm_account_pinned_pages(mmp, size) */
ON_RETURN(mm_account_pinned_pages, 1, 2)
{
	if ((int)call->result < 0)
		note_evidence(ZC_SAW_ACCOUNT_FAILED);
	return 0;
}
#endif
