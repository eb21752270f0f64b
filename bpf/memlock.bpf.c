/* memlock: was capable(CAP_IPC_LOCK) refused in this send call?
 *
 * mm_account_pinned_pages() asks only after sock_omalloc() succeeded, and only a refused caller is held to
 * RLIMIT_MEMLOCK. So an ENOBUFS with a refusal is memlock, and one without is not.
 */

/* LRU: the tracepoint is global, and threads that never send to us must not fill the map */
BPF_TABLE("lru_hash", u64, u8, memlock_denied, 4096);
BPF_ARRAY(memlock_denied_ever, u32, 1);

static __always_inline void note_memlock_denial(void)
{
	u64 thread = bpf_get_current_pid_tgid();
	u32 zero = 0, *ever = memlock_denied_ever.lookup(&zero);
	u8 yes = 1;

	memlock_denied.update(&thread, &yes);
	if (ever)
		*ever = 1;
}

/* capability:cap_capable(cred, target_ns, capable_ns, cap, ret), since 6.14 */
int on_cap_capable(struct bpf_raw_tracepoint_args *ctx)
{
	if ((int)ctx->args[3] == CAP_IPC_LOCK && (int)ctx->args[4] != 0)
		note_memlock_denial();
	return 0;
}

/* Whether it was refused since this thread's last send call returned; forgets it. */
static __always_inline u8 take_memlock_denial(void)
{
	u64 thread = bpf_get_current_pid_tgid();
	u32 zero = 0, *ever = memlock_denied_ever.lookup(&zero);

	if (!ever || !*ever || !memlock_denied.lookup(&thread))
		return 0;
	memlock_denied.delete(&thread);
	return 1;
}
