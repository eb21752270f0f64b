/* errqueue: a completion becomes a new entry of the queue, or is merged into its tail; recvmsg takes entries off. */

BPF_STACK_TRACE(stacks, 4096);

static __always_inline void tell_appended(void *context, u64 sk, u32 lo, u32 hi, bool copied, u32 charge_bytes)
{
	struct socket_state *state = state_of(sk);
	struct zc_kernel_event *event;

	if (state)
		add(&state->notifications[ZC_EVENT_APPENDED], 1);
	if (level_in_force() < LEVEL_TIMELINE)
		return;
	event = new_event(sk, ZC_EVENT_APPENDED);
	if (!event)
		return;
	event->lo = lo;
	event->hi = hi;
	event->copied = copied;
	event->charge_bytes = charge_bytes;
	/* this runs where the last reference was dropped: the stack names the holder */
	event->stack_id = stacks.get_stackid(context, 0);
	submit(event);
}

#ifdef FUNCTIONS
/* A notification that is still there when its completion returns, or that was read even before, has been appended. Reader
 * and completion may come to that at once, on two CPUs: the one that gets into the map tells. It stays there until the skb
 * completes again, because the other one may come as late as when it was freed. */
static __always_inline bool note_appended(void *context, u64 sk, u64 skb, const struct way *way)
{
	u8 yes = 1;

	if (told_appended.insert(&skb, &yes))
		return false;
	tell_appended(context, sk, way->lo, way->hi, way->copied, peek_u32(skb + OFFSET_sk_buff_truesize));
	return true;
}

/* sock_dequeue_err_skb(sk): for recvmsg(MSG_ERRQUEUE) */
ON_RETURN(sock_dequeue_err_skb, 3, 1)
{
	u64 sk = call->arguments[0], skb = call->result;
	struct way taken = { .phase = TAKEN };
	struct way *way;

	if (!skb || !state_of(sk))
		return 0;
	way = ways.lookup(&skb);
	if (way && way->phase == COMPLETING)
		note_appended(context, sk, skb, way);
	ways.update(&skb, &taken);
	return 0;
}
#else
/* sock:inet_sk_error_report(sk): after each completion, and after each read that leaves entries */
int on_inet_sk_error_report(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0], tail;
	struct socket_state *state = state_of(sk);
	struct extended_err error = {};

	if (!state)
		return 0;
	tail = read_u64(sk + OFFSET_sock_sk_error_queue_prev);
	if (!tail || tail == sk + OFFSET_sock_sk_error_queue)
		return 0;	/* empty */
	read_extended_err(tail, &error);
	if ((state->has_tail && state->tail_lo == error.ee_info) || error.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
		return 0;	/* merged, read, or not ours: who frees it tells */
	state->has_tail = 1;
	state->tail_lo = error.ee_info;
	tell_appended(ctx, sk, error.ee_info, error.ee_data, error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED,
		      read_u32(tail + OFFSET_sk_buff_truesize));
	return 0;
}
#endif
