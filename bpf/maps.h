/* Maps, kernel reads and the filter that all probes share. Concatenated first (BCC wants one file), so no includes.
 *
 * OFFSET_<struct>_<member> and ARGUMENTS_<function> come from the running kernel's BTF, ADDRESS_* from its symbol table:
 * see probes/layout.py. Compiled once per session, for one way of attaching:
 *   TYPED      tracepoints whose arguments the verifier knows (tp_btf)
 *   FUNCTIONS  entry and return of functions (fentry, fexit), beside raw tracepoints
 *   KPROBES    the same by kprobe and kretprobe; FUNCTIONS is defined too
 *   neither    raw tracepoints alone
 */
#include "zcprobe.h"

_Static_assert(sizeof(struct zc_kernel_event) == 64, "user space reads events of 64 bytes");
_Static_assert(OFFSET_sk_buff_cb == 40, "cb begins at 40 in every kernel we know: check the layout before going on");
_Static_assert(SIZE_sock_exterr_skb <= 48, "sock_exterr_skb must fit into sk_buff.cb");
_Static_assert(OFFSET_sock_exterr_skb_ee_ee_data - OFFSET_sock_exterr_skb_ee_ee_errno == 12, "uapi sock_extended_err");
_Static_assert(OFFSET_uarg_zerocopy == OFFSET_uarg_len + 2, "uarg: the zerocopy bit follows the 16 bits of len");

#define __always_inline inline __attribute__((always_inline))

#define EINTR 4
#define ENOBUFS 105
#define ERESTARTSYS 512	/* what user space sees as EINTR */
#define SO_EE_ORIGIN_ZEROCOPY 5
#define SO_EE_CODE_ZEROCOPY_COPIED 1
#define IPPROTO_TCP 6
#define AF_INET6 10
#define SKB_TRUESIZE_ZERO 576	/* SKB_TRUESIZE(0), which sock_omalloc() tests with */
#define UNKNOWN (~0U)

enum level { LEVEL_OFF, LEVEL_SUMMARY, LEVEL_TIMELINE, LEVEL_FULL };

/* What was seen in the send call under way: bits of zc_kernel_event.evidence. */
#define SAW_DENIAL 1	/* capable(CAP_IPC_LOCK) was refused, so RLIMIT_MEMLOCK counts */
#define SAW_TAKEN_BACK 2	/* a fresh notification was freed inside msg_zerocopy_realloc() */
#define SAW_QDISC_DROP 4	/* an skb of this socket was dropped by its qdisc */
#define SAW_ACCOUNT_FAIL 8	/* mm_account_pinned_pages() failed */
#define SAW_OPTMEM_FULL 16	/* sock_omalloc() failed at the limit */
#define SAW_NO_MEMORY 32	/* sock_omalloc() failed below it */
#define SAW_NO_UARG 64	/* msg_zerocopy_realloc() returned NULL */
#define SAW_APPEND_FAIL 128	/* ip_append_data(), ip_make_skb() or their IPv6 likes returned -ENOBUFS */

struct extended_err {	/* uapi struct sock_extended_err */
	u32 ee_errno;
	u8 ee_origin;
	u8 ee_type;
	u8 ee_code;
	u8 ee_pad;
	u32 ee_info;
	u32 ee_data;
};

#define CAUSE_COUNT 8
#define CAUSE_AMBIGUOUS 8
#define CAUSE_OTHER 9

struct socket_state {	/* counted in the kernel at every level; user space reads it by these names */
	u64 cookie;
	/* first what each send call and each completion touch: they leave little in the CPU's caches */
	u32 next_send_id;	/* sk_zckey when the last send call returned */
	u32 optmem_before_bytes;	/* level when the previous send call returned */
	u32 optmem_peak_bytes;	/* highest level seen on the return of a send call */
	u32 errqueue_depth_max;
	u32 charge_bytes;
	u32 optmem_max_bytes;
	u64 tail_lo;	/* lo of the last tail seen: a merge keeps it, an append changes it */
	u8 has_tail;	/* whether one was seen, and a level; before that all is zero */
	u8 has_level;
	u8 reserved[6];
	u64 completions_copied;	/* by each uarg's own bit */
	u64 completions_read;
	u64 notifications[8];	/* by enum zc_event_kind, APPENDED to REFUSED */
	u64 copies_unsure;	/* of the merged: their neighbour had changed before we looked */
	u64 uargs_charged;	/* FUNCTIONS */
	u64 uargs_extended;
	u64 enobufs[10];	/* by enum zc_cause, then ambiguous, then other */
	u64 enobufs_optmem_bytes;	/* levels at those by optmem, summed */
	u64 enobufs_depth;	/* queue depths at them, summed */
	u64 is_closed;
};

BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_PERCPU_ARRAY(lost_events, u64, 16);	/* by enum zc_event_kind */
struct target {
	u32 netns_inode;	/* 0: nothing is ours */
	u32 by_cookie;	/* of the namespace's sockets only those in target_cookies */
	u32 tgid;	/* of these, only those that this process sends on; 0: whoever does */
	u32 level;
};

BPF_ARRAY(target, struct target, 1);
BPF_HASH(target_cookies, u64, u8, 256);

/* The state of a socket is at the place that its cookie gives: found without a call, where a lookup in a hash takes 45 ns,
 * three times a send. Sockets without a cookie, and those whose place is taken, are in hashes. A place stays taken, because
 * no cookie comes twice. */
#define PLACES 256
BPF_ARRAY(places, struct socket_state, PLACES);
BPF_HASH(place_owners, u32, u64, PLACES);	/* place -> cookie: of two CPUs, or two sockets, one gets there first */
BPF_TABLE("lru_hash", u64, struct socket_state, sockets, 4096);	/* by address, while it is open */
BPF_TABLE("lru_hash", u64, struct socket_state, closed_sockets, 4096);	/* by cookie: an address is used again */

static __always_inline u8 peek_u8(u64 address)
{
	u8 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline u16 peek_u16(u64 address)
{
	u16 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline u32 peek_u32(u64 address)
{
	u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline u64 peek_u64(u64 address)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

#ifdef TYPED
/* The verifier knows what these addresses point to, and lets them be read directly, also in a kernel whose lockdown denies
 * programs the helper that reads anything. */
#define CURRENT_TASK() ((u64)bpf_get_current_task_btf())
#define read_u8(address) (*(volatile u8 *)(address))
#define read_u16(address) (*(volatile u16 *)(address))
#define read_u32(address) (*(volatile u32 *)(address))
#define read_u64(address) (*(volatile u64 *)(address))
#else
#define CURRENT_TASK() bpf_get_current_task()
#define read_u8 peek_u8
#define read_u16 peek_u16
#define read_u32 peek_u32
#define read_u64 peek_u64
#endif

static __always_inline u32 level_in_force(void)
{
	u32 zero = 0;
	struct target *wanted = target.lookup(&zero);

	return wanted ? wanted->level : LEVEL_OFF;
}

static __always_inline u64 cookie_of(u64 sk)
{
	return read_u64(sk + OFFSET_sock___sk_common_skc_cookie);
}

/* Also so that the key is a copy: once a helper was given its address, the verifier (6.12's, for one) no longer knows that
 * what is read back from there is a socket. */
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

/* Of a socket without state: the run's sockets are those of its own network namespace; in a namespace that it shares, those
 * it named. */
static __always_inline bool is_new_and_ours(u64 sk)
{
	u32 zero = 0;
	struct target *wanted = target.lookup(&zero);
	u64 net, cookie;

	if (!wanted || !wanted->netns_inode || !sk)
		return false;
	net = read_u64(sk + OFFSET_sock___sk_common_skc_net);
	if (!net || read_u32(net + OFFSET_net_ns_inum) != wanted->netns_inode)
		return false;
	/* a completion runs in any context: what a process sends on shows when it sends, and has state from then on */
	if (wanted->tgid && bpf_get_current_pid_tgid() >> 32 != wanted->tgid)
		return false;
	if (!wanted->by_cookie)
		return true;
	cookie = cookie_of(sk);
	return target_cookies.lookup(&cookie) != 0;
}

static __always_inline struct socket_state *begin_state(u64 sk)
{
	struct socket_state fresh = { .cookie = cookie_of(sk) };
	u32 place = fresh.cookie & (PLACES - 1);
	struct socket_state *state = places.lookup(&place);
	u64 *owner;

	if (!fresh.cookie || !state)
		return sockets.lookup_or_try_init(&sk, &fresh);
	place_owners.insert(&place, &fresh.cookie);
	owner = place_owners.lookup(&place);
	if (!owner || *owner != fresh.cookie)
		return sockets.lookup_or_try_init(&sk, &fresh);
	state->cookie = fresh.cookie;	/* whoever comes second writes the same */
	return state;
}

/* The state of a socket of ours, or NULL. One that has state is ours: that is the quick way, for all calls but the first. */
static __always_inline struct socket_state *state_of(u64 sk)
{
	struct socket_state *state = find_state(sk);

	return state || !is_new_and_ours(sk) ? state : begin_state(sk);
}

static __always_inline bool is_ours(u64 sk)
{
	return find_state(sk) || is_new_and_ours(sk);
}

static __always_inline u32 optmem_limit(u64 sk)
{
#ifdef OFFSET_net_core_sysctl_optmem_max
	u64 net = read_u64(sk + OFFSET_sock___sk_common_skc_net);

	return net ? read_u32(net + OFFSET_net_core_sysctl_optmem_max) : 0;
#else
	return peek_u32(ADDRESS_sysctl_optmem_max);
#endif
}

static __always_inline struct zc_kernel_event *new_event(u64 sk, u8 kind)
{
	struct zc_kernel_event *event = events.ringbuf_reserve(sizeof(*event));

	if (!event) {
		u32 slot = kind;
		u64 *lost = lost_events.lookup(&slot);

		if (lost)
			*lost += 1;
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->cookie = cookie_of(sk);
	event->optmem_bytes = read_u32(sk + OFFSET_sock_sk_omem_alloc);
	event->optmem_max_bytes = optmem_limit(sk);
	event->errqueue_depth = read_u32(sk + OFFSET_sock_sk_error_queue_qlen);
	event->next_send_id = read_u32(sk + OFFSET_sock_sk_zckey);
	event->stack_id = -1;
	event->thread_id = bpf_get_current_pid_tgid();
	event->cpu = bpf_get_smp_processor_id();
	event->kind = kind;
	return event;
}

/* The reader polls: waking it for each event would cost more than the event. */
static __always_inline void submit(struct zc_kernel_event *event)
{
	events.ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

static __always_inline void add(u64 *counter, u64 count)
{
	__sync_fetch_and_add(counter, count);
}

static __always_inline void read_extended_err(u64 skb, struct extended_err *error)
{
	u64 ee = skb + OFFSET_sk_buff_cb + OFFSET_sock_exterr_skb_ee_ee_errno;

	error->ee_origin = read_u8(ee + __builtin_offsetof(struct extended_err, ee_origin));
	error->ee_code = read_u8(ee + __builtin_offsetof(struct extended_err, ee_code));
	error->ee_info = read_u32(ee + __builtin_offsetof(struct extended_err, ee_info));
	error->ee_data = read_u32(ee + __builtin_offsetof(struct extended_err, ee_data));
}
