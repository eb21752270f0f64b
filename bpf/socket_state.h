/* SPDX-License-Identifier: GPL-2.0-only */
/* socket_state: what the kernel counts for each socket, at every detail, and where its counters are. */
#pragma once

#include "filter.h"
#include "kernel_reads.h"

#define CAUSE_COUNT 8
#define CAUSE_AMBIGUOUS 8
#define CAUSE_OTHER 9

struct socket_state { /* counted in the kernel at every detail; user space reads it by these names */
	u64 cookie;
	/* first the members that each send call and each completion touch, so that they share few cache lines */
	u32 next_send_id; /* sk_zckey when the last send call returned */
	u32 optmem_before_bytes; /* level when the previous send call returned */
	u32 optmem_bytes; /* level when a program last looked, and depth of the error queue */
	u32 errqueue_depth;
	u32 optmem_peak_bytes; /* highest level seen on the return of a send call */
	u32 errqueue_depth_max;
	u32 charge_bytes;
	u32 optmem_max_bytes;
	u32 first_send_id; /* sk_zckey when a program first saw the socket, and the level */
	u32 first_optmem_bytes;
	u64 tail_lo; /* lo of the last tail seen: a merge keeps it, an append changes it */
	u8 has_tail; /* whether one was seen, and a level; before that all is zero */
	u8 has_level;
	u8 reserved[6];
	u64 completions_copied; /* by each uarg's own bit */
	u64 completions_read;
	u64 notifications[8]; /* by enum zc_event_kind, APPENDED to REFUSED */
	u64 copies_unsure; /* of the merged ones: their neighbour changed before we looked */
	u64 uargs_charged; /* FUNCTIONS */
	u64 uargs_extended;
	u64 enobufs[10]; /* by enum zc_cause, then ambiguous, then other */
	u64 enobufs_optmem_bytes; /* levels at those by optmem, summed */
	u64 enobufs_depth; /* queue depths at them, summed */
	u64 is_closed;
};

/* The socket's cookie gives the place of its state in an array. Finding it needs no call, where a lookup in a hash takes 45 ns
 * and is needed three times a send. Sockets without a cookie, and those whose place is taken, have their state in hashes. A
 * place stays taken, because no two sockets get the same cookie. */
#define PLACES 256
BPF_ARRAY(places, struct socket_state, PLACES);
BPF_HASH(place_owners, u32, u64, PLACES); /* place -> cookie: whoever inserts first owns the place */
BPF_TABLE("lru_hash", u64, struct socket_state, sockets, 4096); /* by address, while the socket is open */
BPF_TABLE("lru_hash", u64, struct socket_state, closed_sockets, 4096); /* by cookie: addresses are reused */

/* The parameter is a copy of the key. Once a helper gets the address of a variable, the verifier (6.12's, for one) no longer
 * knows that the variable holds a socket. */
static __always_inline struct socket_state *find_hashed_state(u64 sk)
{
	return sockets.lookup(&sk);
}

static __always_inline struct socket_state *find_state(u64 sk)
{
	u64 cookie = cookie_of(sk);
	u32 place = cookie & (PLACES - 1);
	struct socket_state *state = places.lookup(&place);

	if (state && state->cookie == cookie && cookie)
		return state;
	return find_hashed_state(sk);
}

/* A program first sees a socket when it sends, or when one of its notifications ends. The values read here may already include
 * that send, and the notification is still charged. */
static __always_inline struct socket_state *begin_state(u64 sk)
{
	struct socket_state fresh = {
		.cookie = cookie_of(sk),
		.first_send_id = read_u32(sk + OFFSET_sock_sk_zckey),
		.first_optmem_bytes = read_u32(sk + OFFSET_sock_sk_omem_alloc),
	};
	u32 place = fresh.cookie & (PLACES - 1);
	struct socket_state *state = places.lookup(&place);
	u64 *owner;

	if (!fresh.cookie || !state)
		return sockets.lookup_or_try_init(&sk, &fresh);
	if (!place_owners.insert(&place, &fresh.cookie)) {
		state->first_send_id = fresh.first_send_id;
		state->first_optmem_bytes = fresh.first_optmem_bytes;
	}
	owner = place_owners.lookup(&place);
	if (!owner || *owner != fresh.cookie)
		return sockets.lookup_or_try_init(&sk, &fresh);
	state->cookie = fresh.cookie; /* if two CPUs come here, both write the same */
	return state;
}

/* The state of a socket of ours, or NULL. Only our sockets have state, so all calls but the first take the quick way. */
static __always_inline struct socket_state *state_of(u64 sk)
{
	struct socket_state *state = find_state(sk);

	return state || !is_new_and_ours(sk) ? state : begin_state(sk);
}

static __always_inline bool is_ours(u64 sk)
{
	return find_state(sk) || is_new_and_ours(sk);
}

static __always_inline void add(u64 *counter, u64 count)
{
	__sync_fetch_and_add(counter, count);
}
