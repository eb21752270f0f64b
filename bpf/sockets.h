/* SPDX-License-Identifier: GPL-2.0-only */
/* What an iterator tells of one socket descriptor of a process: read by BPF C, by the core's C compiler and by cffi. */
#pragma once

enum zc_look_kind {
	ZC_LOOK_SOCKET = 1,
	ZC_LOOK_END = 2, /* the last record of a look, empty but for its kind */
};

/* All are raw readings of one moment. A member that the socket's family does not have is 0, and so are levels and counters of
 * a socket on which zerocopy was never in use. */
struct zc_socket_look {
	uint64_t address; /* of the kernel's struct sock, a key to other programs' counts; never shown to people */
	uint64_t inode; /* of the socket's file: no other open socket has it, where an address is used again */
	uint64_t bytes_sent; /* TCP: payload bytes handed to the network, repeats included */
	uint64_t bytes_repeated; /* TCP: of these, retransmitted ones */
	uint64_t user_locked_pages; /* pinned by the process's user, which RLIMIT_MEMLOCK counts */
	uint64_t device_features; /* netdev_features_t of the device that the socket's route leads to */
	uint64_t local[2]; /* address as in network order; 4 bytes for IPv4 */
	uint64_t remote[2];
	uint64_t device[2]; /* name of that device, 16 characters */
	uint64_t device_kind[2]; /* name of its rtnl_link_ops, up to 15 characters; empty for cards and loopback */
	uint32_t fd;
	uint32_t tgid; /* of the process, as the first pid namespace numbers it */
	uint32_t netns_inode;
	uint32_t next_send_id; /* sk_zckey */
	uint32_t optmem_bytes; /* sk_omem_alloc */
	uint32_t optmem_max_bytes; /* in force in the socket's namespace; 0: this kernel has one limit for all */
	uint32_t errqueue_depth;
	uint32_t tail_lo; /* range of the queue's newest notification */
	uint32_t tail_hi;
	uint32_t charge_bytes; /* its truesize */
	uint32_t sndbuf_bytes; /* sk_sndbuf */
	uint16_t family;
	uint16_t protocol;
	uint16_t local_port;
	uint16_t remote_port; /* in network order */
	uint16_t device_type; /* ARPHRD_* */
	uint8_t kind; /* enum zc_look_kind */
	uint8_t state;
	uint8_t zerocopy_enabled; /* SO_ZEROCOPY */
	uint8_t has_tail; /* the newest entry of the error queue is a notification */
	uint8_t tail_copied;
	uint8_t has_device;
	uint8_t has_kind; /* device_kind is known */
};
