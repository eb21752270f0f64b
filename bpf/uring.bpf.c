// SPDX-License-Identifier: GPL-2.0-only
/* uring: zerocopy sends that watched processes make by io_uring. They have no socket state, because they charge no optmem and use
 * no error queue: each request ends with a second completion, the notification.
 *
 * Preparing a request allocates its notification, which is a request too. So at the submission the address is known with which
 * the notification will complete. Threads that work for a ring (SQPOLL, io workers) belong to its process.
 */

#include "filter.h"
#include "histogram.h"
#include "kernel_reads.h"

#ifdef OFFSET_io_sr_msg_notif
#define IORING_OP_SEND_ZC 47 /* uapi */
#define IORING_OP_SENDMSG_ZC 48
#define IORING_CQE_F_NOTIF 8
#define IORING_SEND_ZC_REPORT_USAGE 8
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#define DELAYS 40 /* from 2^n ns on; the last one is open */

struct uring_counts {
	u64 requests;
	u64 requests_reporting; /* those that asked whether the kernel copied */
	u64 notifications;
	u64 copied;
	u64 cq_overflows;
	u64 delay_counts[DELAYS]; /* notifications by the time since the submission, and the sum of that time */
	u64 delay_ns[DELAYS];
};

struct uring_request {
	u64 ring;
	u64 begin_ns;
};

BPF_ARRAY(uring_counts, struct uring_counts, 1);
BPF_TABLE("lru_hash", u64, struct uring_request, uring_requests, 16384); /* by the address of the notification */
BPF_TABLE("lru_hash", u64, u8, uring_rings, 1024); /* rings that had such a request */

static __always_inline void count(u64 *counter, u64 more)
{
	__sync_fetch_and_add(counter, more);
}

static __always_inline struct uring_counts *all_counts(void)
{
	u32 zero = 0;

	return uring_counts.lookup(&zero);
}

static __always_inline bool is_watched(void)
{
	u32 zero = 0;
	struct target *wanted = target.lookup(&zero);

	return wanted && wanted->by_process && is_thread_of_target(wanted);
}

/* io_uring:io_uring_submit_req(req); before Linux 6.4 io_uring_submit_sqe(req, ...) */
int on_io_uring_submit(void *context)
{
	u64 request = TRACED(context, 0), notification;
	u8 opcode = read_u8(request + OFFSET_io_kiocb_opcode), yes = 1;
	struct uring_counts *counts = all_counts();
	struct uring_request begun = {};
	u64 message = request + OFFSET_io_kiocb_cmd;

	if ((opcode != IORING_OP_SEND_ZC && opcode != IORING_OP_SENDMSG_ZC) || !counts || !is_watched())
		return 0;
	count(&counts->requests, 1);
	if (read_u16(message + OFFSET_io_sr_msg_flags) & IORING_SEND_ZC_REPORT_USAGE)
		count(&counts->requests_reporting, 1);
	begun.ring = number_of(read_u64(request + OFFSET_io_kiocb_ctx));
	begun.begin_ns = bpf_ktime_get_ns();
	notification = read_u64(message + OFFSET_io_sr_msg_notif);
	uring_rings.update(&begun.ring, &yes);
	if (notification)
		uring_requests.update(&notification, &begun);
	return 0;
}

static __always_inline void note_notification(struct uring_counts *counts, int result)
{
	count(&counts->notifications, 1);
	if (result & IORING_NOTIF_USAGE_ZC_COPIED)
		count(&counts->copied, 1);
}

static __always_inline void note_delay(struct uring_counts *counts, u64 delay_ns)
{
	u32 slot = slot_of(delay_ns, DELAYS);

	if (slot < DELAYS) { /* for the verifier */
		count(&counts->delay_counts[slot], 1);
		count(&counts->delay_ns[slot], delay_ns);
	}
}

/* io_uring:io_uring_complete(ctx, req, cqe); before Linux 6.15 (ctx, req, user_data, res, cflags, ...) */
int on_io_uring_complete(void *context)
{
	u64 ring = number_of(TRACED(context, 0)), notification = number_of(TRACED(context, 1));
#if ARGUMENTS_io_uring_complete == 3
	u64 entry = TRACED(context, 2);
	u32 result = read_u32(entry + OFFSET_io_uring_cqe_res), flags = read_u32(entry + OFFSET_io_uring_cqe_flags);
#else
	u32 result = TRACED(context, 3), flags = TRACED(context, 4);
#endif
	struct uring_counts *counts;
	struct uring_request *begun;

	if (!(flags & IORING_CQE_F_NOTIF))
		return 0;
	begun = uring_requests.lookup(&notification);
	counts = all_counts();
	if (!begun || !counts || begun->ring != ring)
		return 0;
	note_delay(counts, bpf_ktime_get_ns() - begun->begin_ns);
	note_notification(counts, result);
	uring_requests.delete(&notification);
	return 0;
}

/* io_uring:io_uring_cqe_overflow(ctx, user_data, res, cflags, ocqe): instead of io_uring_complete. It does not say which request
 * the entry is of, so a notification here has no delay. */
int on_io_uring_cqe_overflow(void *context)
{
	u64 ring = number_of(TRACED(context, 0));
	u32 result = TRACED(context, 2), flags = TRACED(context, 3);
	struct uring_counts *counts = all_counts();

	if (!counts || !uring_rings.lookup(&ring))
		return 0;
	count(&counts->cq_overflows, 1);
	if (flags & IORING_CQE_F_NOTIF)
		note_notification(counts, result);
	return 0;
}
#endif
