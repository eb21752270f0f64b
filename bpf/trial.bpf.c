// SPDX-License-Identifier: GPL-2.0-only
/* trial: one program for each way of attaching, to find out which ones the kernel allows.
 *
 * They do not depend on the kernel's layout, so they can be compiled before it is known.
 */

/* All of our programs on functions read memory by this helper, which lockdown may deny. */
int on_fentry(void *context)
{
	u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), context);
	return 0;
}

int on_kprobe(void *context)
{
	return 0;
}

int on_tracepoint(struct bpf_raw_tracepoint_args *ctx)
{
	return 0;
}
