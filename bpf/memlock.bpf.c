/* memlock: was capable(CAP_IPC_LOCK) refused in this send call?
 *
 * mm_account_pinned_pages() asks only after sock_omalloc() succeeded, and only a refused caller is held to
 * RLIMIT_MEMLOCK. So an ENOBUFS with a refusal is memlock, and one without is not.
 */

BPF_HASH(memlock_denied, u64, u8, 4096);
BPF_ARRAY(memlock_denied_ever, u32, 1);

/* capability:cap_capable(cred, target_ns, capable_ns, cap, ret), since 6.14 */
int on_cap_capable(struct bpf_raw_tracepoint_args *ctx)
{
	u64 thread;
	u32 zero = 0, *ever;
	u8 yes = 1;

	if ((int)ctx->args[3] != CAP_IPC_LOCK || (int)ctx->args[4] == 0)
		return 0;
	thread = bpf_get_current_pid_tgid();
	memlock_denied.update(&thread, &yes);
	ever = memlock_denied_ever.lookup(&zero);
	if (ever)
		*ever = 1;
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
