#pragma once
#include <stdint.h>

/* The whole C interface of zcprobe: read by the C compiler and by cffi, so no includes here.
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
	int32_t result;		/* 0 or 1 as flush() returns it, or a negative errno */
	uint16_t channel;
	uint8_t trigger;	/* enum zc_flush_trigger */
	uint8_t blocking;
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

enum zc_flush_trigger {
	ZC_TRIGGER_ENOBUFS = 0,	/* the policy's answer to ENOBUFS: this is a stall */
	ZC_TRIGGER_EXPLICIT = 1,	/* flush() at the end of the run */
	ZC_TRIGGER_SETTLE = 2,	/* after the outcome is known, so that counts reconcile */
};

enum zc_meminfo_reason {
	ZC_MEMINFO_BASELINE = 0,
	ZC_MEMINFO_PERIODIC = 1,
	ZC_MEMINFO_ENOBUFS = 2,	/* right after a sendmsg returned ENOBUFS */
	ZC_MEMINFO_FLUSHED = 3,	/* right after a flush */
	ZC_MEMINFO_END = 4,
};

/* ---- record streams: chunks handed to a writer thread ---- */

enum zc_stream_index { ZC_STREAM_SEND, ZC_STREAM_NOTIFICATION, ZC_STREAM_FLUSH, ZC_STREAM_MEMINFO, ZC_STREAM_COUNT };

struct zc_recorder;

/* fds[i] receives the raw records of stream i; chunk_records * chunk_count bounds the memory of each stream. */
struct zc_recorder *zc_recorder_open(const int *fds, uint32_t chunk_records, uint32_t chunk_count);
/* Writes what is left, stops the writer thread; 0 or a negative errno of a failed write. */
int zc_recorder_close(struct zc_recorder *recorder, uint64_t *lost_count, uint64_t *record_count);

/* ---- the sender ---- */

enum zc_policy_id { ZC_POLICY_QEMU_PRE, ZC_POLICY_QEMU_SHIPPED, ZC_POLICY_QEMU_MERGED };

enum zc_flush_variant { ZC_FLUSH_ALL_COPIED, ZC_FLUSH_STICKY, ZC_FLUSH_ANY_COPIED };

enum zc_outcome {
	ZC_OUTCOME_COMPLETED,
	ZC_OUTCOME_DEAD_ENOBUFS,
	ZC_OUTCOME_DEAD_TIMEOUT,
	ZC_OUTCOME_DEAD_ERROR,
	ZC_OUTCOME_INTERRUPTED,
};

struct zc_config {
	int fd;			/* connected, blocking stream socket with SO_ZEROCOPY set */
	enum zc_policy_id policy;
	enum zc_flush_variant flush_variant;
	uint32_t send_bytes;
	uint64_t send_count;	/* writes; 0: until duration_ns is over */
	int64_t duration_ns;	/* 0: until send_count is reached */
	int64_t deadline_ns;	/* of the whole run, counted from its start */
	int64_t settle_ns;	/* longest wait for completions after the outcome is known */
	int64_t meminfo_interval_ns;
	uint16_t channel;
	uint8_t zerocopy;	/* 0: the same loop as a plain copy */
	struct zc_recorder *recorder;	/* NULL: recording off, no clock is read per send */
};

struct zc_result {
	enum zc_outcome outcome;
	int32_t error;		/* errno that ended the run */
	uint32_t error_check;	/* enum zc_check: which check of the error queue failed */
	int64_t start_ns;
	int64_t end_ns;		/* outcome known: last send and final flush included, settling not */
	uint64_t write_count;
	uint64_t send_count;	/* successful zerocopy sendmsg calls */
	uint64_t copied_on_purpose_count;
	uint64_t bytes_sent;
	uint64_t notification_count;
	uint64_t completion_count;
	uint64_t copied_completion_count;
	uint64_t enobufs_count;
	uint64_t stall_count;
	int64_t stall_ns;
	uint64_t missed_zero_copy_count;	/* explicit flushes that returned 1 */
	uint32_t optmem_baseline_bytes;
	uint32_t optmem_peak_bytes;	/* over all SO_MEMINFO samples */
	int64_t cpu_user_ns;
	int64_t cpu_system_ns;
};

enum zc_check {
	ZC_CHECK_NONE,
	ZC_CHECK_READ,		/* recvmsg(MSG_ERRQUEUE) failed */
	ZC_CHECK_CMSG,		/* control message is no IP_RECVERR / IPV6_RECVERR */
	ZC_CHECK_ERRNO,		/* ee_errno is set: a real socket error */
	ZC_CHECK_ORIGIN,	/* ee_origin is not SO_EE_ORIGIN_ZEROCOPY */
	ZC_CHECK_BOUNDS,	/* ee_data < ee_info */
};

/* Runs one channel to its outcome. SIGINT and SIGTERM end it, and are blocked again when it
 * returns; handlers are restored. 0 or a negative errno. */
int zc_sender_run(const struct zc_config *config, struct zc_result *result);

/* ---- content: byte at stream position p is pattern[p % ZC_PATTERN_BYTES] ---- */

/* 257 pages: sends of whole pages stay page-aligned, and a lost or repeated page shows. */
#define ZC_PATTERN_BYTES 1052672

void zc_pattern_fill(uint8_t *buffer, uint64_t bytes);

struct zc_sink_result {
	uint64_t bytes;
	uint64_t first_mismatch;	/* stream position, UINT64_MAX when intact */
	int64_t start_ns;
	int64_t end_ns;
};

/* Receives from fd to end of stream and compares with the pattern; 0 or a negative errno. */
int zc_sink_run(int fd, struct zc_sink_result *result);

/* ---- kernel facts by BTF and the probes' ring buffer (libbpf) ---- */

struct zc_btf;
struct zc_btf *zc_btf_open(void);	/* the running kernel's BTF, or NULL with errno */
void zc_btf_close(struct zc_btf *btf);
/* Byte offset of a dotted member path, through anonymous members; -ENOENT when there is none. */
int64_t zc_btf_offset(const struct zc_btf *btf, const char *structure, const char *path);
int64_t zc_btf_size(const struct zc_btf *btf, const char *structure);
/* Number of arguments of the raw tracepoint NAME (btf_trace_NAME's prototype), or -ENOENT. */
int zc_btf_tracepoint_args(const struct zc_btf *btf, const char *name);

/* The descriptor that keeps a program attached until it is closed, or a negative errno. */
int zc_attach_typed_tracepoint(const char *name, const void *instructions, size_t instruction_bytes,
			       const char *tracepoint);

struct zc_drain;
/* A thread that moves fixed-size events from a BPF ring buffer to out_fd every interval. */
struct zc_drain *zc_drain_start(int map_fd, int out_fd, uint32_t event_bytes, int64_t interval_ns);
int zc_drain_stop(struct zc_drain *drain, uint64_t *event_count);

/* ---- this process ---- */

/* Enter the network namespace behind fd; 0 or a negative errno. */
int zc_enter_netns(int fd);
/* Drop one capability from the effective and permitted sets; 0 or a negative errno. */
int zc_drop_capability(int capability);
/* Be killed when the parent dies, so that a killed run leaves no sender behind; 0 or a negative errno. */
int zc_die_with_parent(void);
