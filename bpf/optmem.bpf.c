/* optmem: what notifications charge to their socket, and when they give it back.
 *
 * A notification is an skb whose destructor is sock_ofree(); no other skb has it. The end of one is told by how it came:
 * in tracepoints by who frees it, with functions by the way it has gone before, see errqueue.bpf.c.
 */

/* The bit of a merged notification is that of its first uarg. What is left of the entry without its pieces has that bit,
 * and each piece its own: so a piece takes back what its home will claim for it. */
static __always_inline void count_copies(struct socket_state *state, u64 sk, const struct extended_err *error, u8 kind)
{
	u64 count = error->ee_data - error->ee_info + 1ULL, copied = 0;
	struct extended_err home = {};
	u64 tail;

	if (error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
		copied = count;
	if (kind == ZC_EVENT_MERGED) {
		tail = read_u64(sk + OFFSET_sock_sk_error_queue_prev);
		if (tail && tail != sk + OFFSET_sock_sk_error_queue)
			read_extended_err(tail, &home);
		if (home.ee_origin != SO_EE_ORIGIN_ZEROCOPY || error->ee_info - home.ee_info > home.ee_data - home.ee_info)
			add(&state->copies_unsure, count);
		else if (home.ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
			copied -= count;
	}
	if (copied)
		add(&state->completions_copied, copied);
}

/* The queue is at its longest right before an entry is taken off. */
static __always_inline void count_depth(struct socket_state *state, u64 sk, u8 kind)
{
	u32 depth = read_u32(sk + OFFSET_sock_sk_error_queue_qlen) + (kind == ZC_EVENT_READ || kind == ZC_EVENT_PURGED);

	if (depth > state->errqueue_depth_max)
		state->errqueue_depth_max = depth;
}

static __always_inline void count_end(struct socket_state *state, u64 sk, const struct extended_err *error, u8 kind)
{
	count_depth(state, sk, kind);
	add(&state->notifications[kind & 7], 1);
	if (kind == ZC_EVENT_READ)
		add(&state->completions_read, error->ee_data - error->ee_info + 1ULL);
	if (kind == ZC_EVENT_READ || kind == ZC_EVENT_PURGED || kind == ZC_EVENT_MERGED)
		count_copies(state, sk, error, kind);
}

/* The error queue of a socket is purged after it was seen closed. */
static __always_inline struct socket_state *state_to_the_end(u64 sk)
{
	struct socket_state *state = find_state(sk);
	u64 cookie;

	if (state || !is_new_and_ours(sk))
		return state;
	cookie = cookie_of(sk);
	state = closed_sockets.lookup(&cookie);
	return state ? state : begin_state(sk);
}

static __always_inline int end_of_notification(u64 sk, u64 skb, u8 kind)
{
	struct zc_kernel_event *event;
	struct socket_state *state;
	struct extended_err error = {};
	u32 charge_bytes;

	state = sk ? state_to_the_end(sk) : 0;	/* the verifier, too, wants to know that there is a socket */
	if (!state)
		return 0;
	read_extended_err(skb, &error);
	if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY && kind != ZC_EVENT_REFUSED)
		kind = ZC_EVENT_DISCARDED;	/* cb still holds the uarg: there was never a notification */
	charge_bytes = read_u32(skb + OFFSET_sk_buff_truesize);
	state->charge_bytes = charge_bytes;
	count_end(state, sk, &error, kind);
	if (level_in_force() < LEVEL_TIMELINE)
		return 0;
	event = new_event(sk, kind);
	if (!event)
		return 0;
	if (error.ee_origin == SO_EE_ORIGIN_ZEROCOPY) {
		event->lo = error.ee_info;
		event->hi = error.ee_data;
		event->copied = error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	}
	event->charge_bytes = charge_bytes;
	submit(event);
	return 0;
}

#ifdef FUNCTIONS
enum phase { COMPLETING = 1, QUEUED, TAKEN };

struct way {	/* of a notification, by its skb */
	u32 lo;
	u32 hi;
	u8 phase;
	u8 copied;
	u16 reserved;
};

BPF_TABLE("lru_hash", u64, struct way, ways, 65536);
BPF_TABLE("lru_hash", u64, u8, told_appended, 65536);	/* by skb, until it completes again */

/* sock_ofree(skb): the charge is about to be given back */
int on_sock_ofree(void *context)
{
	u64 skb = ARGUMENT(context, 0), sk = peek_u64(skb + OFFSET_sk_buff_sk);
	struct way *way = ways.lookup(&skb);
	u8 phase = way ? way->phase : 0;

	ways.delete(&skb);
	if (phase == TAKEN)
		return end_of_notification(sk, skb, ZC_EVENT_READ);
	if (phase == COMPLETING)
		return end_of_notification(sk, skb, ZC_EVENT_MERGED);
	if (look_at_evidence() & SAW_ACCOUNT_FAIL) {
		note_evidence(SAW_TAKEN_BACK);
		return end_of_notification(sk, skb, ZC_EVENT_REFUSED);
	}
	return end_of_notification(sk, skb, ZC_EVENT_PURGED);
}

/* sock_omalloc(sk, size, priority): NULL at the limit, before it allocates, and when there is no memory */
ON_RETURN(sock_omalloc, 2, 3)
{
	u64 sk = call->arguments[0];
	struct socket_state *state;
	u32 level;

	state = state_of(sk);
	if (!state)
		return 0;
	if (call->result) {
		add(&state->uargs_charged, 1);
		return 0;
	}
	/* completions may have lowered the level since it was tested; the last send call left it at least as high as then */
	level = read_u32(sk + OFFSET_sock_sk_omem_alloc);
	if (state->optmem_before_bytes > level)
		level = state->optmem_before_bytes;
	note_evidence(level + SKB_TRUESIZE_ZERO > optmem_limit(sk) ? SAW_OPTMEM_FULL : SAW_NO_MEMORY);
	return 0;
}
#else
static __always_inline bool is_notification(u64 skb)
{
	return read_u64(skb + OFFSET_sk_buff_destructor) == ADDRESS_sock_ofree;
}

/* skb:consume_skb(skb, location): merged inside the completion, else read by recvmsg(MSG_ERRQUEUE) */
int on_consume_skb(struct bpf_raw_tracepoint_args *ctx)
{
	u64 skb = ctx->args[0], location = ctx->args[1];
	bool merged = location >= ADDRESS_completion && location < ADDRESS_completion_end;

	if (!is_notification(skb))
		return 0;
	return end_of_notification(read_u64(skb + OFFSET_sk_buff_sk), skb, merged ? ZC_EVENT_MERGED : ZC_EVENT_READ);
}
#endif
