/* errqueue: each notification's way: appended to the queue or merged into its tail, then read or purged. */

BPF_STACK_TRACE(stacks, 4096);

/* sock:inet_sk_error_report(sk): after each completion, and after each read that leaves entries */
int on_inet_sk_error_report(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0], tail;
	struct zc_kernel_event *event;
	struct socket_state *state;
	struct extended_err error = {};

	if (!is_ours(sk))
		return 0;
	tail = read_u64(sk + OFFSET_sock_sk_error_queue_prev);
	if (!tail || tail == sk + OFFSET_sock_sk_error_queue)
		return 0;	/* empty */
	read_extended_err(tail, &error);
	state = state_of(sk);
	if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY || !state || state->tail_lo == error.ee_info)
		return 0;	/* merged, read, or not ours: consume_skb tells */
	state->tail_lo = error.ee_info;
	event = new_event(sk, ZC_EVENT_APPENDED);
	if (!event)
		return 0;
	event->lo = error.ee_info;
	event->hi = error.ee_data;
	event->copied = error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	event->charge_bytes = read_u32(tail + OFFSET_sk_buff_truesize);
	/* this runs where the last reference was dropped: the stack names the holder */
	event->stack_id = stacks.get_stackid(ctx, 0);
	submit(event);
	return 0;
}

static __always_inline int end_of_notification(u64 sk, u64 skb, u8 kind)
{
	struct zc_kernel_event *event;
	struct extended_err error = {};

	if (!is_ours(sk))
		return 0;
	read_extended_err(skb, &error);
	if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY && kind != ZC_EVENT_REFUSED)
		kind = ZC_EVENT_DISCARDED;	/* cb still holds the uarg: there was never a notification */
	event = new_event(sk, kind);
	if (!event)
		return 0;
	if (error.ee_origin == SO_EE_ORIGIN_ZEROCOPY) {
		event->lo = error.ee_info;
		event->hi = error.ee_data;
		event->copied = error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	}
	event->charge_bytes = read_u32(skb + OFFSET_sk_buff_truesize);
	submit(event);
	return 0;
}

/* Notifications are the skbs whose destructor is sock_ofree(): cheap to test, and no other skb has it. */
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

/* skb:kfree_skb(skb, location, ...): taken back by msg_zerocopy_realloc(), else purged unread */
int on_kfree_skb(struct bpf_raw_tracepoint_args *ctx)
{
	u64 skb = ctx->args[0], location = ctx->args[1];
	bool refused = location >= ADDRESS_msg_zerocopy_realloc && location < ADDRESS_msg_zerocopy_realloc_end;

	if (!is_notification(skb))
		return 0;
	if (refused)
		note_memlock_denial();	/* the only trace before 6.14, and where a security module refused instead */
	return end_of_notification(read_u64(skb + OFFSET_sk_buff_sk), skb, refused ? ZC_EVENT_REFUSED : ZC_EVENT_PURGED);
}
