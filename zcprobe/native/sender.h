#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The C interface of zcprobe, but for what the probes need (probes.h): read by the C compiler and by cffi.
 *
 * Times are CLOCK_MONOTONIC nanoseconds, the clock of bpf_ktime_get_ns(). Identifiers of sends are the
 * kernel's 32-bit sk_zckey counter widened to 64 bits.
 */

/* ---- records: one C struct, one numpy dtype, one Parquet table each ---- */

struct zc_send_record {
	uint64_t send_id;	/* id of a successful zerocopy send, else UINT64_MAX */
	int64_t start_ns;	/* before the first sendmsg attempt */
	int64_t latency_ns;	/* until the last attempt returned, stalls of the policy included */
	uint32_t asked_bytes;
	uint32_t taken_bytes;
	uint32_t attempt_count;	/* sendmsg calls */
	uint32_t enobufs_count;	/* calls that returned ENOBUFS */
	int32_t error;		/* errno of the last attempt, 0 on success */
	uint16_t channel;
	uint8_t zerocopy;	/* the last attempt carried MSG_ZEROCOPY */
	uint8_t copied_on_purpose;	/* the policy took the flag away */
};

struct zc_notification_record {
	int64_t time_ns;	/* after recvmsg returned it */
	uint64_t lo;
	uint64_t hi;
	uint32_t flush_index;	/* row in the flush table of this channel */
	uint16_t channel;
	uint8_t copied;		/* ee_code carried SO_EE_CODE_ZEROCOPY_COPIED */
	uint8_t origin;		/* ee_origin */
};

struct zc_flush_record {
	int64_t start_ns;
	int64_t duration_ns;
	uint64_t completion_count;
	uint32_t notification_count;
	uint32_t wait_count;	/* poll calls */
	uint32_t spurious_count;	/* of them, returned without the event that was waited for */
	int32_t result;		/* 0, or a negative errno */
	uint16_t channel;
	uint8_t trigger;	/* enum zc_flush_trigger */
	uint8_t blocking;
};

struct zc_stall_record {	/* one write that waited inside its policy */
	int64_t start_ns;	/* of the first wait: with ENOBUFS, once sendmsg had returned it */
	int64_t duration_ns;	/* until the policy's last answer; failed attempts in between are in it */
	uint64_t completion_count;	/* read meanwhile */
	uint32_t notification_count;
	uint32_t enobufs_count;	/* 0: the policy waited before ENOBUFS could happen */
	int32_t result;		/* of the policy's last answer: 0, or a negative errno */
	uint16_t channel;
	uint16_t reserved;
};

struct zc_meminfo_record {
	int64_t time_ns;
	uint64_t in_flight;	/* sends - completions as the sender knows them */
	uint32_t optmem_bytes;
	uint32_t wmem_queued_bytes;
	uint32_t wmem_alloc_bytes;
	uint16_t channel;
	uint8_t reason;		/* enum zc_meminfo_reason */
	uint8_t reserved;
};

struct zc_round_record {	/* migration: one round on one channel */
	int64_t start_ns;
	int64_t duration_ns;	/* the flush at its end included */
	uint64_t bytes;		/* headers included */
	uint32_t round;
	uint32_t page_count;	/* with content */
	uint32_t zero_page_count;
	int32_t flush_result;
	uint16_t channel;
	uint8_t is_final;	/* the guest stands still: this is the downtime */
	uint8_t reserved;
};

struct zc_request_record {	/* rpc: one request and its response */
	int64_t start_ns;
	int64_t latency_ns;
	uint32_t bytes;
	uint16_t channel;
	uint8_t zerocopy;
	uint8_t reserved;
};

enum zc_flush_trigger {
	ZC_TRIGGER_ENOBUFS = 0,	/* the policy's answer to ENOBUFS */
	ZC_TRIGGER_EXPLICIT = 1,	/* flush() at the end of a round or of the run, or a caller's own drain() */
	ZC_TRIGGER_SETTLE = 2,	/* after the outcome is known, so that counts reconcile */
	ZC_TRIGGER_PERIODIC = 3,	/* a policy reads, or waits, before anything failed */
	ZC_TRIGGER_REUSE = 4,	/* a buffer is wanted again */
};

enum zc_meminfo_reason {
	ZC_MEMINFO_BASELINE = 0,
	ZC_MEMINFO_PERIODIC = 1,
	ZC_MEMINFO_ENOBUFS = 2,	/* right after a sendmsg returned ENOBUFS */
	ZC_MEMINFO_FLUSHED = 3,	/* right after a flush */
	ZC_MEMINFO_END = 4,
	ZC_MEMINFO_POLICY = 5,	/* a policy looked */
};

/* ---- record streams: chunks handed to a writer thread ---- */

enum zc_stream_index {
	ZC_STREAM_SEND,
	ZC_STREAM_NOTIFICATION,
	ZC_STREAM_FLUSH,
	ZC_STREAM_MEMINFO,
	ZC_STREAM_ROUND,
	ZC_STREAM_REQUEST,
	ZC_STREAM_STALL,
	ZC_STREAM_COUNT,
};

struct zc_recorder;

/* fds[i] receives the raw records of stream i; chunk_records * chunk_count bounds the memory of each stream, limit_bytes all
 * files together, but for two chunks of each stream. */
struct zc_recorder *zc_recorder_open(const int *fds, uint32_t chunk_records, uint32_t chunk_count, uint64_t limit_bytes);
/* Writes what is left, stops the writer thread; 0 or a negative errno of a failed write. Of each stream: records that were made,
 * and those of them that were kept, from the first on. */
int zc_recorder_close(struct zc_recorder *recorder, uint64_t *lost_count, uint64_t *record_count, uint64_t *kept_count);
/* Waits until every full chunk is in its file; only by the thread that records. */
void zc_recorder_sync(struct zc_recorder *recorder);

/* ---- policies ---- */

struct zc_policy;	/* policy.c has them all */

const struct zc_policy *zc_find_policy(const char *name);	/* NULL when there is none of that name */
const char *zc_policy_name(uint32_t number);	/* of the one at that place, NULL past the last */

struct zc_policy_parameters {	/* policy.c says which policy reads which */
	int64_t wait_ns;	/* longest wait for room before this send is copied */
	uint32_t drain_every;	/* sends between two readings */
	uint32_t threshold_bytes;	/* smaller sends are copied */
	uint32_t max_in_flight;	/* more outstanding zerocopy sends are not begun */
	uint32_t reenable_after;	/* copied writes until zerocopy is tried again; 0: never */
	uint32_t resume_percent;	/* of the limit, that must be free before sending goes on */
	uint32_t watermark_percent;	/* of the limit, from which on reading begins */
	uint8_t copy_above;	/* above the watermark: 1 copy, 0 wait */
	uint8_t flush_once;	/* writes carry the FLUSH_ONCE flag */
	uint8_t off_on_copied;	/* a COPIED completion turns zerocopy off */
};

enum zc_flush_variant { ZC_FLUSH_ALL_COPIED, ZC_FLUSH_STICKY, ZC_FLUSH_ANY_COPIED };

/* What becomes of an entry of the error queue that is not about zerocopy (a timestamp, an ICMP error): it fails its check,
 * as in QEMU, or it is counted and passed over. It has left the queue either way. */
enum zc_foreign { ZC_FOREIGN_ERROR, ZC_FOREIGN_SKIP };

/* What a waiting flush asks poll for. Error-queue data raises POLLERR, never POLLIN. */
enum zc_wait_for { ZC_WAIT_FOR_ERROR, ZC_WAIT_FOR_INPUT, ZC_WAIT_FOR_BOTH };

enum zc_outcome {
	ZC_OUTCOME_COMPLETED,
	ZC_OUTCOME_DEAD_ENOBUFS,
	ZC_OUTCOME_DEAD_TIMEOUT,
	ZC_OUTCOME_DEAD_ERROR,
	ZC_OUTCOME_INTERRUPTED,
};

enum zc_check {
	ZC_CHECK_NONE,
	ZC_CHECK_READ,		/* recvmsg(MSG_ERRQUEUE) failed */
	ZC_CHECK_CMSG,		/* no control message is an IP_RECVERR, IPV6_RECVERR or VSOCK_RECVERR */
	ZC_CHECK_ERRNO,		/* ee_errno is set: a real socket error */
	ZC_CHECK_ORIGIN,	/* ee_origin is not SO_EE_ORIGIN_ZEROCOPY */
	ZC_CHECK_BOUNDS,	/* ee_data < ee_info, modulo 2^32 */
	ZC_CHECK_COUNT,		/* more completions than sends were made: calls and ids are not one to one */
};

struct zc_notification {	/* zeros where a check failed, but for error and origin */
	uint32_t lo;
	uint32_t count;	/* 1 to 2^31 sends from lo on, modulo 2^32 */
	uint32_t error;	/* ee_errno */
	uint8_t origin;
	uint8_t copied;
};

/* Of `length` bytes as recvmsg(MSG_ERRQUEUE) leaves them in msg_control. */
enum zc_check zc_decode_notification(const void *control, size_t length, struct zc_notification *notification);

struct zc_result {	/* counters of one channel */
	enum zc_outcome outcome;
	int32_t error;		/* errno that ended the run */
	uint32_t error_check;	/* enum zc_check: which check of the error queue failed */
	int64_t start_ns;
	int64_t end_ns;		/* outcome known: last send and final flush included, settling not */
	uint64_t write_count;
	uint64_t send_count;	/* successful zerocopy sendmsg calls that the kernel gave an id */
	uint64_t plain_count;	/* successful sendmsg calls without the flag: headers and copies */
	uint64_t copied_on_purpose_count;	/* of them, those a policy or a threshold took the flag from */
	uint64_t bytes_sent;
	uint64_t notification_count;
	uint64_t completion_count;
	uint64_t copied_completion_count;
	uint64_t enobufs_count;
	uint64_t eagain_count;
	uint64_t constrained_count;	/* ENOBUFS with nothing outstanding */
	uint64_t stall_count;	/* writes that waited inside their policy, see struct zc_stall_record */
	int64_t stall_ns;
	int64_t stall_max_ns;
	uint64_t flush_count;	/* explicit */
	uint64_t missed_zero_copy_count;	/* of them, returned 1 by the channel's own variant */
	uint64_t missed_all_copied_count;	/* and would have by each variant, on the same notifications */
	uint64_t missed_sticky_count;
	uint64_t missed_any_copied_count;
	uint64_t round_count;	/* migration */
	uint64_t converged;	/* migration: the rest fitted into the downtime limit */
	int64_t downtime_ns;	/* migration: the final round */
	uint64_t response_count;	/* rpc */
	uint32_t optmem_baseline_bytes;
	uint32_t optmem_peak_bytes;	/* over all SO_MEMINFO samples */
	int64_t cpu_user_ns;
	int64_t cpu_system_ns;
	uint64_t foreign_count;	/* entries of the error queue passed over, see enum zc_foreign */
	uint32_t foreign_origin;	/* of the last of them: its ee_origin and ee_errno */
	uint32_t foreign_error;
	uint32_t idle;		/* when the outcome was known nothing had moved for idle_ns: no completion, no byte */
	uint32_t unpinned;	/* config.cpu was not where the thread could run alone in the end: the CPU went offline */
};

/* ---- channel: one socket with a policy ---- */

struct zc_channel_config {
	int fd;			/* connected socket with SO_ZEROCOPY set */
	uint16_t channel;
	uint8_t zerocopy;	/* 0: the same loop as a plain copy */
	uint8_t is_datagram;
	struct zc_recorder *recorder;	/* NULL: recording off, no clock is read per send */
	const struct zc_policy *policy;
	struct zc_policy_parameters parameters;
	enum zc_flush_variant flush_variant;
	enum zc_wait_for wait_for;
	enum zc_foreign foreign;
	uint32_t optmem_max_bytes;	/* the limit in force, for policies that look at it */
	uint32_t charge_bytes;	/* of one notification, measured */
	int64_t deadline_ns;	/* of the whole run, counted from its start */
	int64_t settle_ns;	/* longest wait for completions after the outcome is known */
	int64_t idle_ns;	/* a path on which nothing moves for so long is not waited for in settling; 0: it is */
	uint8_t ends_idle;	/* nor is it once duration_ns is over: that is a timeout */
	int64_t meminfo_interval_ns;
	uint8_t hugepages;	/* buffers: 2 MiB pages */
	int buffer_fd;		/* buffers: a mapping of this file; -1: anonymous */
	int32_t cpu;		/* pin the thread there; -1: nowhere */
	uint8_t is_corked;	/* TCP_CORK is set: cleared before each wait for the peer, and at the end */
};

struct zc_part {
	const void *bytes;
	size_t count;
};

struct zc_channel;

/* The result is filled in as the channel goes on. NULL with errno. */
struct zc_channel *zc_channel_open(const struct zc_channel_config *config, struct zc_result *result);
void zc_channel_close(struct zc_channel *channel);
/* One write: bytes taken (a partial write is a success), -EAGAIN when a non-blocking socket is full, or another
 * negative errno; -ENOBUFS when the policy let it fail. */
ssize_t zc_channel_writev(struct zc_channel *channel, const struct zc_part *parts, int part_count, bool zerocopy);
/* Waits for every outstanding notification; 0 or 1 by the flush variant, or a negative errno. */
int zc_channel_flush(struct zc_channel *channel);
/* Reads what is there now; 0 or a negative errno. */
int zc_channel_drain(struct zc_channel *channel);
/* The `blocking` field: false when opened, as in QEMU; the descriptor's mode goes with it. 0 or a negative errno. */
int zc_channel_set_blocking(struct zc_channel *channel, bool enabled);
uint64_t zc_channel_in_flight(const struct zc_channel *channel);
/* The 64-bit id whose low half is `id` and which is nearest to `near`. */
uint64_t zc_widen(uint64_t near, uint32_t id);

/* ---- traffic: what is written ---- */

enum zc_model { ZC_MODEL_STREAM, ZC_MODEL_MIGRATION, ZC_MODEL_RPC, ZC_MODEL_MIXED };

/* never: content is never written again; after: a buffer is used again once its send completed, as a correct sender
 * does; at once: it is overwritten as soon as sendmsg returned, which is the classic mistake. */
enum zc_reuse { ZC_REUSE_NEVER, ZC_REUSE_AFTER_COMPLETION, ZC_REUSE_AT_ONCE };

#define ZC_MAX_SIZES 16

struct zc_traffic {
	enum zc_model model;
	enum zc_reuse reuse;
	uint64_t write_count;	/* of each channel; 0: until duration_ns is over */
	int64_t duration_ns;	/* 0: until write_count is reached */
	uint64_t pacing_bps;	/* writes wait for their turn at that rate; 0: never */
	uint64_t seed;
	uint32_t copy_below_bytes;	/* smaller payloads and datagrams are sent without zerocopy; not of a migration */
	uint32_t size_count;	/* sizes of a write's payload and their weights */
	uint32_t sizes[ZC_MAX_SIZES];
	uint32_t weights[ZC_MAX_SIZES];
	uint32_t header_bytes;	/* migration, rpc: sent without zerocopy before each payload */
	uint32_t page_bytes;	/* migration */
	uint32_t pages_per_packet;
	uint32_t zero_percent;	/* of the guest's pages, sent as a bit in the header */
	uint32_t max_rounds;
	uint64_t guest_bytes;	/* over all channels */
	uint64_t dirty_bytes_per_s;
	int64_t downtime_ns;	/* limit */
};

/* Runs all channels, a thread each, to their outcomes. SIGINT and SIGTERM end them; handlers are restored. 0 or a
 * negative errno. */
int zc_sender_run(const struct zc_channel_config *configs, struct zc_result *results, uint32_t count,
		  const struct zc_traffic *traffic);

/* ---- content: byte at stream position p is pattern[p % ZC_PATTERN_BYTES] ---- */

/* 257 pages: sends of whole pages stay page-aligned, and a lost or repeated page shows. */
#define ZC_PATTERN_BYTES 1052672

void zc_pattern_fill(uint8_t *buffer, uint64_t bytes);

/* Before the payload of migration and rpc, and in every datagram. The rest of header_bytes is padding. */
struct zc_frame {
	uint32_t magic;		/* ZC_FRAME_MAGIC */
	uint32_t header_bytes;	/* this struct and the padding */
	uint64_t payload_position;	/* of all payload before it */
	uint32_t payload_bytes;
	uint32_t number;	/* of its channel, from 0, modulo 2^32: what chooses IPv6 datagrams for a hold, see packet_choice */
};

#define ZC_FRAME_MAGIC 0x7a637072
#define ZC_RESPONSE_BYTES 16

struct zc_sink_config {
	int fd;			/* connected stream, or bound datagram socket */
	int control_fd;		/* datagrams: end of stream there is the end; else -1 */
	uint8_t is_framed;
	uint8_t is_datagram;
	uint8_t respond;	/* to each frame, with ZC_RESPONSE_BYTES */
	uint8_t discard;	/* MSG_TRUNC: count without looking */
	uint64_t read_bps;	/* slow reader: bits per second; 0: as fast as it goes */
	uint64_t stall_after_bytes;	/* stalled reader: stop there, once */
	int64_t stall_ns;	/* for that long */
};

struct zc_sink_result {
	uint64_t bytes;		/* a repeated datagram counts once, unless content is discarded */
	uint64_t frame_count;	/* or datagrams */
	uint64_t duplicate_count;	/* datagrams that had arrived before */
	uint64_t first_mismatch;	/* stream position, UINT64_MAX when intact */
	int64_t start_ns;
	int64_t end_ns;
	int64_t pause_ns;	/* time that the pace or the stall asked for kept it from reading */
};

/* Receives to end of stream and compares with the pattern; 0 or a negative errno. */
int zc_sink_run(const struct zc_sink_config *config, struct zc_sink_result *result);
/* Sends a line on a blocking connection, and has what comes next acknowledged at once: who answers is interactive to the
 * kernel, which acknowledges up to 40 ms later, and the first sends of a stream would wait for that. 0 or a negative errno. */
int zc_sink_answer(int fd, const void *line, size_t size);

/* ---- this process ---- */

/* Enter the network namespace behind fd; 0 or a negative errno. */
int zc_enter_netns(int fd);
/* Of the effective and permitted capabilities of this thread keep those of the mask; 0 or a negative errno. */
int zc_keep_capabilities(uint64_t kept);
/* Of the permitted capabilities of this thread those of the mask are in effect from now on; 0 or a negative errno. */
int zc_use_capabilities(uint64_t used);
/* Become that user, where this process is root and its parent can still end it then, keep the capabilities of the mask, and gain
 * none again by any exec(); 0 or a negative errno. Afterwards zc_die_with_parent() has to be called again. */
int zc_give_up_root(uint32_t uid, uint32_t gid, uint64_t kept);
/* From now on a call that receiving does not need fails with ENOSYS, in all threads started later; 0, also where the kernel
 * has no seccomp filters, or a negative errno. */
int zc_allow_only_receiving(void);
/* Be killed when the parent dies, so that a killed run leaves no sender behind; 0 or a negative errno. */
int zc_die_with_parent(void);
/* The signal that asked for the end of the last run while its loops had the handlers; 0: none did. */
int zc_stop_signal(void);
/* The calling thread no longer shares its working directory with the others: 0 or a negative errno. */
int zc_own_working_directory(void);
