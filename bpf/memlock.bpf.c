/* memlock: what was seen in the send call under way that tells RLIMIT_MEMLOCK, and the limit itself.
 *
 * mm_account_pinned_pages() asks capable(CAP_IPC_LOCK) only after sock_omalloc() succeeded, and only a refused caller is
 * held to the limit. So in tracepoints, on TCP, an ENOBUFS with a refusal is memlock, and one without is not.
 */

#define CAP_IPC_LOCK 14
#define RLIMIT_MEMLOCK 8
#define RLIM_INFINITY (~0ULL)
#define PAGE_SHIFT_ 12

/* By thread. LRU: the tracepoint is global, and threads that never send to us must not fill the map. */
BPF_TABLE("lru_hash", u64, u8, evidence, 4096);
BPF_ARRAY(evidence_ever, u32, 1);

static __always_inline void note_evidence(u8 bit)
{
	u64 thread = bpf_get_current_pid_tgid();
	u32 zero = 0, *ever = evidence_ever.lookup(&zero);
	u8 *seen = evidence.lookup(&thread);

	if (seen) {
		*seen |= bit;
		return;
	}
	evidence.update(&thread, &bit);
	if (ever)
		*ever = 1;
}

/* What this thread's send call has shown since the last one returned. */
static __always_inline u8 look_at_evidence(void)
{
	u64 thread = bpf_get_current_pid_tgid();
	u8 *seen = evidence.lookup(&thread);

	return seen ? *seen : 0;
}

static __always_inline void forget_evidence(void)
{
	u32 zero = 0, *ever = evidence_ever.lookup(&zero);
	u64 thread;

	if (!ever || !*ever)
		return;
	thread = bpf_get_current_pid_tgid();
	if (evidence.lookup(&thread))
		evidence.delete(&thread);
}

static __always_inline u32 in_pages(u64 bytes)
{
	return bytes == RLIM_INFINITY || bytes >> PAGE_SHIFT_ >= UNKNOWN ? UNKNOWN : bytes >> PAGE_SHIFT_;
}

/* The current user's locked pages, and the limit of the current process. */
static __always_inline void read_memlock(u32 *locked_pages, u32 *limit_pages)
{
	u64 task = CURRENT_TASK(), cred = read_u64(task + OFFSET_task_struct_cred);
	u64 user = cred ? read_u64(cred + OFFSET_cred_user) : 0;
	u64 signal = read_u64(task + OFFSET_task_struct_signal);

	*locked_pages = user ? read_u64(user + OFFSET_user_struct_locked_vm) : UNKNOWN;
	*limit_pages = UNKNOWN;
	if (signal)
		*limit_pages = in_pages(read_u64(signal + OFFSET_signal_struct_rlim + RLIMIT_MEMLOCK * SIZE_rlimit));
}

#ifndef FUNCTIONS
/* capability:cap_capable(cred, target_ns, capable_ns, cap, ret), since 6.14 */
int on_cap_capable(struct bpf_raw_tracepoint_args *ctx)
{
	if ((int)ctx->args[3] == CAP_IPC_LOCK && (int)ctx->args[4] != 0)
		note_evidence(SAW_DENIAL);
	return 0;
}
#else
/* mm_account_pinned_pages(mmp, size) */
ON_RETURN(mm_account_pinned_pages, 1, 2)
{
	if ((int)call->result < 0)
		note_evidence(SAW_ACCOUNT_FAIL);
	return 0;
}
#endif
