/* SPDX-License-Identifier: GPL-2.0-only */
/* socket_state: what the kernel counts for each socket, at every detail, and where its counters are. */
#pragma once

#include "addresses.h"
#include "filter.h"
#include "kernel_reads.h"
#include "usage.h"

#define CAUSE_COUNT 8
#define CAUSE_AMBIGUOUS 8
#define CAUSE_OTHER 9

struct socket_state { /* counted in the kernel at every detail; user space reads it by these names */
	u64 sk; /* its address */
	u64 cookie; /* or a number of ours, for a socket that had none when it was first seen */
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
	u8 tail_copied; /* the COPIED bit of that tail */
	u8 reserved[5];
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
#ifdef WATCHED
	struct usage usage;
#endif
};

/* The socket's address gives the place of its state in an array. Finding it needs no call, where a lookup in a hash takes 45 ns
 * and is needed three times a send. Sockets whose place is taken have their state in a hash. A state stays where it is when its
 * socket is closed, because what is left of the error queue is purged after that. When another socket that has the same address
 * sends, the state moves to closed_sockets. */
#define PLACES 256
BPF_ARRAY(places, struct socket_state, PLACES);
BPF_ARRAY(blank_state, struct socket_state, 1);
BPF_HASH(place_owners, u32, u64, PLACES); /* place -> address: whoever inserts first owns the place */
BPF_TABLE("lru_hash", u64, struct socket_state, sockets, 4096); /* by address */
BPF_TABLE("lru_hash", u64, struct socket_state, closed_sockets, 4096); /* by cookie, or the number in its place */

struct after_send { /* what a send call leaves behind in its socket */
	u32 next_send_id;
	u32 optmem_bytes;
	u32 errqueue_depth;
};

static __always_inline struct after_send look_after_send(u64 sk)
{
	return (struct after_send){
		.next_send_id = read_u32(sk + OFFSET_sock_sk_zckey),
		.optmem_bytes = read_u32(sk + OFFSET_sock_sk_omem_alloc),
		.errqueue_depth = read_u32(sk + OFFSET_sock_sk_error_queue_qlen),
	};
}

static __always_inline u32 place_of(u64 sk)
{
	u64 number = number_of(sk);

	return (number >> 6 ^ number >> 14) & (PLACES - 1);
}

/* The parameter is a copy of the key. Once a helper gets the address of a variable, the verifier (6.12's, for one) no longer
 * knows that the variable holds a socket. */
static __always_inline struct socket_state *find_hashed_state(u64 sk)
{
	return sockets.lookup(&sk);
}

static __always_inline struct socket_state *find_state(u64 sk)
{
	u32 place = place_of(sk);
	struct socket_state *state = places.lookup(&place);

	if (state && state->sk == sk && sk)
		return state;
	return find_hashed_state(sk);
}

/* A foreign socket has no cookie until somebody asks for it. Then it gets a number of ours, which no cookie can be and which fits
 * into 64 bits with a sign. */
static __always_inline u64 number_of_socket(u64 sk)
{
	u64 cookie = cookie_of(sk);

	return cookie ? cookie : 1ULL << 62 | bpf_ktime_get_ns();
}

/* A program first sees a socket when it sends, or when one of its notifications ends. The values read here may already include
 * that send, and the notification is still charged. If two CPUs come here, one of them decides about the number. */
static __always_inline struct socket_state *fill_state(struct socket_state *state, u64 sk)
{
	if (!state)
		return 0;
	__sync_val_compare_and_swap(&state->cookie, 0, number_of_socket(sk));
	state->first_send_id = read_u32(sk + OFFSET_sock_sk_zckey);
	state->first_optmem_bytes = read_u32(sk + OFFSET_sock_sk_omem_alloc);
#ifdef WATCHED
	state->usage.inode = inode_of(sk);
	state->usage.family = read_u16(sk + OFFSET_sock___sk_common_skc_family);
	read_addresses(&state->usage.ends, sk, state->usage.family);
	state->usage.protocol = read_u16(sk + OFFSET_sock_sk_protocol);
#endif
	state->sk = sk;
	return state;
}

static __always_inline struct socket_state *new_hashed_state(u64 sk)
{
	u32 zero = 0;
	struct socket_state *blank = blank_state.lookup(&zero);

	return blank ? sockets.lookup_or_try_init(&sk, blank) : 0;
}

static __always_inline struct socket_state *begin_state(u64 sk)
{
	u32 place = place_of(sk);
	struct socket_state *state = places.lookup(&place);
	u64 *owner, address = sk;

	place_owners.insert(&place, &address);
	owner = place_owners.lookup(&place);
	return fill_state(state && owner && *owner == sk ? state : new_hashed_state(sk), sk);
}

/* The state of a socket of ours, or NULL. Only our sockets have state, so all calls but the first take the quick way. A
 * completion runs in any process, so a socket of a watched process is known from its first send call on only. */
static __always_inline struct socket_state *state_of(u64 sk)
{
	struct socket_state *state = find_state(sk);

#ifdef WATCHED
	return state;
#else
	return state || !is_new_and_ours(sk) ? state : begin_state(sk);
#endif
}

/* Whether the state is of an earlier socket with this address. UDP sockets end without a tracepoint. */
static __always_inline bool is_of_another(struct socket_state *state, u64 sk)
{
	if (state->is_closed)
		return true;
#ifdef WATCHED
	return read_u16(sk + OFFSET_sock_sk_protocol) != IPPROTO_TCP && state->usage.inode != inode_of(sk);
#else
	return false;
#endif
}

static __always_inline void retire_state(struct socket_state *state, u64 sk)
{
	u32 zero = 0, place = place_of(sk);
	struct socket_state *placed = places.lookup(&place), *blank = blank_state.lookup(&zero);
	u64 cookie = state->cookie, address = sk;

	closed_sockets.update(&cookie, state);
	if (placed && placed->sk == sk && blank) {
		places.update(&place, blank);
		place_owners.delete(&place);
	} else {
		sockets.delete(&address);
	}
}

/* As state_of(), when a send call returns: then the address belongs to an open socket. */
static __always_inline struct socket_state *state_of_sender(u64 sk)
{
	struct socket_state *state = find_state(sk);

	if (state && is_of_another(state, sk)) {
		retire_state(state, sk);
		state = 0;
	}
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
