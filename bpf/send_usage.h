/* SPDX-License-Identifier: GPL-2.0-only */
/* send_usage: what the return of a send call tells about how a watched process uses the socket. */
#pragma once

#include "kernel_reads.h"
#include "socket_state.h"
#include "usage.h"

#ifdef WATCHED
/* An id is taken by each zerocopy send. Of the one with which a program first saw the socket it is not known whether it had
 * one already, unless it is the socket's first. */
static __always_inline void note_usage(struct socket_state *state, const struct after_send *after, int ret)
{
	u32 next_send_id = after->next_send_id, before = state->next_send_id;

	if (!state->has_level) {
		before = next_send_id && ret >= 0 ? next_send_id - 1 : next_send_id;
		state->first_send_id = before;
	}
	/* a send that was aborted takes its id back */
	note_sent(&state->usage, ret, (int)(next_send_id - before) > 0 ? next_send_id - before : 0);
	note_levels(&state->usage, next_send_id - state->first_send_id, after->optmem_bytes,
		    after->errqueue_depth * state->charge_bytes);
}
#endif
