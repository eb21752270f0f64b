/* sendmsg: what the send calls of the run's sockets returned, and the state of optmem at each ENOBUFS. */

#define RESULT_SLOTS 134	/* errno 0..133 */

BPF_PERCPU_ARRAY(send_results, u64, RESULT_SLOTS);

static __always_inline void count_result(int ret)
{
	u32 slot = ret == -ERESTARTSYS ? EINTR : ret < 0 ? -ret : 0;
	u64 *count = send_results.lookup(&slot);

	if (count)
		*count += 1;
}

/* Only a send charges: a refused charge met a level between this one and the next reading, and no peak hides
 * between two of them. */
static __always_inline void note_level(struct socket_state *state, u32 optmem_bytes)
{
	state->optmem_before_bytes = optmem_bytes;
	if (optmem_bytes > state->optmem_peak_bytes)
		state->optmem_peak_bytes = optmem_bytes;
}

/* sock:sock_send_length(sk, ret, flags): on the return of every send call */
int on_sock_send_length(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	int ret = ctx->args[1];
	struct zc_kernel_event *event;
	struct socket_state *state;

	if (!is_ours(sk))
		return 0;
	count_result(ret);
	state = state_of(sk);
	if (ret == -ENOBUFS) {
		event = new_event(sk, ZC_EVENT_ENOBUFS);
		if (event) {
			event->optmem_high_bytes = state ? state->optmem_before_bytes : ~0U;
			event->memlock_denied = take_memlock_denial();
			submit(event);
		}
	} else {
		take_memlock_denial();
	}
	if (state)
		note_level(state, read_u32(sk + OFFSET_sock_sk_omem_alloc));
	return 0;
}

/* tcp:tcp_destroy_sock(sk): sk_zckey now is the number of sends the kernel accepted */
int on_tcp_destroy_sock(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	struct zc_kernel_event *event;
	struct socket_state *state;

	if (!is_ours(sk))
		return 0;
	event = new_event(sk, ZC_EVENT_CLOSED);
	if (event) {
		state = state_of(sk);
		event->optmem_high_bytes = state ? state->optmem_peak_bytes : 0;
		submit(event);
	}
	sockets.delete(&sk);
	return 0;
}
