/* SPDX-License-Identifier: GPL-2.0-only */
/* How the programs read the running kernel's memory.
 *
 * OFFSET_<struct>_<member> and ARGUMENTS_<function> come from the running kernel's BTF, ADDRESS_* from its symbol table:
 * see probes/layout.py. A session compiles the programs once, for one way of attaching:
 *   TYPED      tracepoints whose arguments the verifier knows (tp_btf)
 *   FUNCTIONS  entry and return of functions (fentry, fexit), beside raw tracepoints
 *   KPROBES    the same by kprobe and kretprobe; FUNCTIONS is defined too
 *   none       raw tracepoints alone
 */
#pragma once

_Static_assert(OFFSET_sk_buff_cb == 40, "cb begins at 40 in every kernel we know: check the layout before going on");
_Static_assert(SIZE_sock_exterr_skb <= 48, "sock_exterr_skb must fit into sk_buff.cb");
_Static_assert(OFFSET_sock_exterr_skb_ee_ee_data - OFFSET_sock_exterr_skb_ee_ee_errno == 12, "uapi sock_extended_err");
_Static_assert(OFFSET_uarg_zerocopy == OFFSET_uarg_len + 2, "uarg: the zerocopy bit follows the 16 bits of len");

#define __always_inline inline __attribute__((always_inline))

#define EINTR 4
#define ENOBUFS 105
#define ERESTARTSYS 512 /* what user space sees as EINTR */
#define SO_EE_ORIGIN_ZEROCOPY 5
#define SO_EE_CODE_ZEROCOPY_COPIED 1
#define IPPROTO_TCP 6
#define MSG_ERRQUEUE 0x2000
#define AF_INET6 10
#define SKB_TRUESIZE_ZERO 576 /* SKB_TRUESIZE(0), which sock_omalloc() tests with */
#define UNKNOWN (~0U)

struct extended_err { /* uapi struct sock_extended_err */
	u32 ee_errno;
	u8 ee_origin;
	u8 ee_type;
	u8 ee_code;
	u8 ee_pad;
	u32 ee_info;
	u32 ee_data;
};

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

/* Argument of a tracepoint, raw or typed. */
#define TRACED(context, number) (((u64 *)(context))[number])

#ifdef TYPED
/* The verifier knows what these addresses point to and allows direct reads, also in a kernel whose lockdown denies programs
 * the helper that reads any address. */
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

/* An address as a number, with which the verifier lets us calculate. */
static __always_inline u64 number_of(u64 address)
{
	asm volatile("%0 = -%0" : "+r"(address));
	asm volatile("%0 = -%0" : "+r"(address));
	return address;
}

static __always_inline u64 cookie_of(u64 sk)
{
	return read_u64(sk + OFFSET_sock___sk_common_skc_cookie);
}

/* SO_ZEROCOPY */
static __always_inline bool has_zerocopy(u64 sk)
{
	return read_u64(sk + OFFSET_sock___sk_common_skc_flags) >> SOCK_ZEROCOPY & 1;
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

static __always_inline void read_extended_err(u64 skb, struct extended_err *error)
{
	u64 ee = skb + OFFSET_sk_buff_cb + OFFSET_sock_exterr_skb_ee_ee_errno;

	error->ee_origin = read_u8(ee + __builtin_offsetof(struct extended_err, ee_origin));
	error->ee_code = read_u8(ee + __builtin_offsetof(struct extended_err, ee_code));
	error->ee_info = read_u32(ee + __builtin_offsetof(struct extended_err, ee_info));
	error->ee_data = read_u32(ee + __builtin_offsetof(struct extended_err, ee_data));
}
