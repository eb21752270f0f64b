// SPDX-License-Identifier: GPL-2.0-only
/* sockets: iterators over the descriptors of one process, which write a record for each socket among them.
 *
 * They run in the process that reads the iterator, and nothing of them is on anybody's send path. The verifier knows the types of
 * all that they read, so they need no helper that reads any address, which lockdown may deny.
 */

#include "addresses.h"
#include "kernel_reads.h"
#include "sockets.h"

#define AF_UNIX 1
#define AF_VSOCK 40

struct iterator_context { /* the kernel's struct bpf_iter__task_file; each member takes 8 bytes */
	u64 meta;
	u64 task;
	u64 fd;
	u64 file; /* 0: the end of the list */
};

static __always_inline bool is_told(u16 family)
{
	return family == AF_INET || family == AF_INET6 || family == AF_UNIX || family == AF_VSOCK;
}

static __always_inline void note_addresses(struct zc_socket_look *look, u64 sk)
{
	struct addresses ends = {};

	read_addresses(&ends, sk, look->family);
	look->local[0] = ends.local[0];
	look->local[1] = ends.local[1];
	look->remote[0] = ends.remote[0];
	look->remote[1] = ends.remote[1];
	look->local_port = ends.local_port;
	look->remote_port = ends.remote_port;
}

/* The entry may be taken off the queue while it is read. Then the two readings of the tail differ, and it is left out. */
static __always_inline void read_tail(struct zc_socket_look *look, u64 sk)
{
	u64 tail = read_u64(sk + OFFSET_sock_sk_error_queue_prev);
	struct extended_err error = {};

	if (!look->errqueue_depth || !tail)
		return;
	read_extended_err(tail, &error);
	look->charge_bytes = read_u32(tail + OFFSET_sk_buff_truesize);
	if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY || read_u64(sk + OFFSET_sock_sk_error_queue_prev) != tail ||
	    !read_u32(sk + OFFSET_sock_sk_error_queue_qlen)) {
		look->charge_bytes = 0;
		return;
	}
	look->tail_lo = error.ee_info;
	look->tail_hi = error.ee_data;
	look->tail_copied = error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	look->has_tail = 1;
}

static __always_inline void read_device(struct zc_socket_look *look, u64 sk)
{
	u64 route = read_u64(sk + OFFSET_sock_sk_dst_cache), device, operations;

	device = route ? read_u64(route + OFFSET_dst_entry_dev) : 0;
	if (!device)
		return;
	look->has_device = 1;
	look->device_features = read_u64(device + OFFSET_net_device_features);
	look->device_type = read_u16(device + OFFSET_net_device_type);
	look->device[0] = read_u64(device + OFFSET_net_device_name);
	look->device[1] = read_u64(device + OFFSET_net_device_name + 8);
#ifdef DEVICE_KIND /* a text behind a pointer, for which the verifier has no type */
	operations = read_u64(device + OFFSET_net_device_rtnl_link_ops);
	look->has_kind = 1;
	if (operations)
		bpf_probe_read_kernel_str(look->device_kind, sizeof(look->device_kind),
					  (void *)read_u64(operations + OFFSET_rtnl_link_ops_kind));
#endif
}

static __always_inline u64 locked_pages_of_user(u64 task)
{
	u64 cred = read_u64(task + OFFSET_task_struct_cred);
	u64 user = cred ? read_u64(cred + OFFSET_cred_user) : 0;

	return user ? read_u64(user + OFFSET_user_struct_locked_vm) : 0;
}

static __always_inline void read_counters(struct zc_socket_look *look, u64 sk)
{
	u64 tcp = (u64)bpf_skc_to_tcp_sock((void *)sk);

	if (!tcp)
		return;
	look->bytes_sent = read_u64(tcp + OFFSET_tcp_sock_bytes_sent);
	look->bytes_repeated = read_u64(tcp + OFFSET_tcp_sock_bytes_retrans);
}

/* What a socket is and where it leads. Of one without zerocopy nothing else is told. */
static __always_inline void read_identity(struct zc_socket_look *look, u64 sk)
{
	u64 net = read_u64(sk + OFFSET_sock___sk_common_skc_net);

	look->address = sk;
	look->protocol = read_u16(sk + OFFSET_sock_sk_protocol);
	look->state = read_u8(sk + OFFSET_sock___sk_common_skc_state);
	if (net)
		look->netns_inode = read_u32(net + OFFSET_net_ns_inum);
	note_addresses(look, sk);
	read_device(look, sk);
}

static __always_inline void read_levels(struct zc_socket_look *look, u64 sk)
{
	look->optmem_bytes = read_u32(sk + OFFSET_sock_sk_omem_alloc);
	look->errqueue_depth = read_u32(sk + OFFSET_sock_sk_error_queue_qlen);
	look->sndbuf_bytes = read_u32(sk + OFFSET_sock_sk_sndbuf);
#ifdef OFFSET_net_core_sysctl_optmem_max
	look->optmem_max_bytes = optmem_limit(sk);
#endif
	read_tail(look, sk);
	read_counters(look, sk);
}

static __always_inline int look_at(struct iterator_context *context, bool zerocopy_only)
{
	u64 meta = context->meta, task = context->task, file = context->file, socket, sk, inode;
	struct zc_socket_look look = { .kind = ZC_LOOK_END };
	bool is_zerocopy;

	if (!task || !file) {
		bpf_seq_write((void *)read_u64(meta), &look, sizeof(look));
		return 0;
	}
	socket = (u64)bpf_sock_from_file((void *)file);
	sk = socket ? read_u64(socket + OFFSET_socket_sk) : 0;
	if (!sk)
		return 0;
	look.family = read_u16(sk + OFFSET_sock___sk_common_skc_family);
	if (!is_told(look.family))
		return 0;
	look.zerocopy_enabled = has_zerocopy(sk);
	look.next_send_id = read_u32(sk + OFFSET_sock_sk_zckey);
	is_zerocopy = look.zerocopy_enabled || look.next_send_id;
	if (zerocopy_only && !is_zerocopy)
		return 0;
	look.kind = ZC_LOOK_SOCKET;
	look.fd = context->fd;
	look.tgid = read_u32(task + OFFSET_task_struct_tgid);
	inode = read_u64(file + OFFSET_file_f_inode);
	look.inode = inode ? read_u64(inode + OFFSET_inode_i_ino) : 0;
	read_identity(&look, sk);
	if (is_zerocopy) {
		look.user_locked_pages = locked_pages_of_user(task);
		read_levels(&look, sk);
	}
	bpf_seq_write((void *)read_u64(meta), &look, sizeof(look));
	return 0;
}

/* iter/task_file: all sockets of the families that are told, and only those on which zerocopy is or was in use */
int on_any_socket(struct iterator_context *context)
{
	return look_at(context, false);
}

int on_zerocopy_socket(struct iterator_context *context)
{
	return look_at(context, true);
}
