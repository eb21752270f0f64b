/* Reading notifications from the socket error queue, and what the socket says of its memory. */
#include <time.h>	/* linux/errqueue.h needs struct timespec */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "core.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

enum { MEMINFO_WMEM_ALLOC = 2, MEMINFO_WMEM_QUEUED = 5, MEMINFO_OPTMEM = 6, MEMINFO_VARS = 9 };	/* SK_MEMINFO_* */

/* Records a sample; the level of optmem in bytes, 0 where there is no SO_MEMINFO (before 4.12). */
uint32_t zc_meminfo(struct zc_channel *channel, enum zc_meminfo_reason reason)
{
	struct zc_result *result = channel->result;
	struct zc_meminfo_record *record;
	uint32_t values[MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(values);

	if (getsockopt(channel->config.fd, SOL_SOCKET, SO_MEMINFO, values, &length))
		return 0;
	if (reason == ZC_MEMINFO_BASELINE)
		result->optmem_baseline_bytes = values[MEMINFO_OPTMEM];
	if (values[MEMINFO_OPTMEM] > result->optmem_peak_bytes)
		result->optmem_peak_bytes = values[MEMINFO_OPTMEM];
	record = zc_record(channel->config.recorder, ZC_STREAM_MEMINFO);
	if (record)
		*record = (struct zc_meminfo_record){
			.time_ns = zc_now_ns(),
			.in_flight = channel->queued - channel->completed,
			.optmem_bytes = values[MEMINFO_OPTMEM],
			.wmem_queued_bytes = values[MEMINFO_WMEM_QUEUED],
			.wmem_alloc_bytes = values[MEMINFO_WMEM_ALLOC],
			.channel = channel->config.channel,
			.reason = reason,
		};
	return values[MEMINFO_OPTMEM];
}

bool zc_has_free(struct zc_channel *channel, uint32_t percent)
{
	uint64_t level = zc_meminfo(channel, ZC_MEMINFO_POLICY), limit = channel->config.optmem_max_bytes;

	return level * 100 <= limit * (100 - percent);
}

bool zc_may_exceed(const struct zc_channel *channel, uint32_t percent)
{
	uint64_t bound = (channel->queued - channel->completed + 1) * channel->config.charge_bytes;

	return bound * 100 > (uint64_t)channel->config.optmem_max_bytes * percent;
}

uint64_t zc_widen(uint64_t near, uint32_t id)
{
	return near + (int64_t)(int32_t)(id - (uint32_t)near);
}

static int fail_check(struct zc_channel *channel, enum zc_check check, int error)
{
	channel->result->error_check = check;
	return -error;
}

static bool is_errno(uint32_t error)
{
	return error > 0 && error < 4096;	/* the kernel's MAX_ERRNO */
}

static void count_notification(struct zc_channel *channel, uint64_t count, bool copied)
{
	struct zc_result *result = channel->result;

	channel->completed += count;
	atomic_store_explicit(&channel->completed_seen, channel->completed, memory_order_relaxed);
	result->notification_count++;
	result->completion_count += count;
	if (copied) {
		channel->copied_in_flush = true;
		result->copied_completion_count += count;
	} else {
		channel->zerocopied_in_flush = true;
		channel->zerocopied_since_flush = true;
	}
}

static void accept_notification(struct zc_channel *channel, const struct zc_notification *notification)
{
	uint64_t lo = zc_widen(channel->completed, notification->lo);
	uint64_t hi = lo + notification->count - 1;
	struct zc_notification_record *record = zc_record(channel->config.recorder, ZC_STREAM_NOTIFICATION);

	if (record)
		*record = (struct zc_notification_record){
			.time_ns = zc_now_ns(),
			.lo = lo,
			.hi = hi,
			.flush_index = channel->flush_index,
			.channel = channel->config.channel,
			.copied = notification->copied,
			.origin = notification->origin,
		};
	count_notification(channel, notification->count, notification->copied);
	if (channel->on_completion)
		channel->on_completion(channel, lo, hi);
}

/* Times, packet information and statistics that a socket may have asked for come before the one looked for. */
enum { CONTROL_BYTES = 1024 };

static bool is_passed_over(const struct zc_channel *channel, enum zc_check check, const struct zc_notification *notification)
{
	return channel->config.foreign == ZC_FOREIGN_SKIP && (check == ZC_CHECK_ORIGIN || check == ZC_CHECK_ERRNO) &&
	       notification->origin != SO_EE_ORIGIN_ZEROCOPY;
}

static void count_foreign(struct zc_channel *channel, const struct zc_notification *notification)
{
	channel->result->foreign_count++;
	channel->result->foreign_origin = notification->origin;
	channel->result->foreign_error = notification->error;
}

/* One entry: 1 read, 0 nothing there now, else a negative errno with the failed check in the result. A timestamp or an
 * ICMP error brings its packet along, which is not asked for. */
static int read_notification(struct zc_channel *channel)
{
	char control[CONTROL_BYTES];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct zc_notification notification;
	enum zc_check check;

	while (recvmsg(channel->config.fd, &message, MSG_ERRQUEUE) < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return fail_check(channel, ZC_CHECK_READ, errno);
		message.msg_controllen = sizeof(control);
	}
	channel->entries_read++;
	check = zc_decode_notification(control, message.msg_controllen, &notification);
	if (check == ZC_CHECK_NONE && notification.count > channel->queued - channel->completed)
		check = ZC_CHECK_COUNT;
	if (is_passed_over(channel, check, &notification)) {
		count_foreign(channel, &notification);
		return 1;
	}
	if (check != ZC_CHECK_NONE)
		return fail_check(channel, check, is_errno(notification.error) ? notification.error : EPROTO);
	accept_notification(channel, &notification);
	return 1;
}

/* POLLERR again, though all that the last one told of was read: it is the socket's own error. On a datagram socket that
 * stays up without POLLHUP, and whoever waits for notifications would spin. */
static bool is_pending_error(struct zc_channel *channel, short events, short revents)
{
	bool is_idle = channel->entries_at_wake == channel->entries_read;

	if (!(revents & POLLERR) || events & (POLLIN | POLLOUT))
		return false;
	channel->entries_at_wake = channel->entries_read;
	return is_idle;
}

int zc_wait(struct zc_channel *channel, short events, int64_t deadline_ns)
{
	struct pollfd item = { .fd = channel->config.fd, .events = events };
	int64_t left_ns = deadline_ns - zc_now_ns();
	int error = 0;
	socklen_t length = sizeof(error);
	int status = zc_uncork(channel);

	if (status < 0)
		return status;
	if (zc_stop_requested > channel->stops_ignored)
		return -EINTR;
	if (left_ns <= 0)
		return -ETIMEDOUT;
	if (poll(&item, 1, left_ns / 1000000 + 1) < 0)
		return errno == EINTR && zc_run_is_active ? 0 : -errno;
	if (!(item.revents & POLLHUP) && !is_pending_error(channel, events, item.revents))
		return item.revents;
	/* a dead connection keeps POLLHUP up: its error, or when that was given before, a pause for late completions */
	if (!getsockopt(channel->config.fd, SOL_SOCKET, SO_ERROR, &error, &length) && error)
		return -error;
	if (item.revents & POLLHUP)
		poll(NULL, 0, 1);
	return item.revents;
}

static int wait_for_notification(struct zc_channel *channel, int64_t deadline_ns, struct zc_flush_record *record)
{
	static const short wanted_events[] = {
		[ZC_WAIT_FOR_ERROR] = POLLERR,
		[ZC_WAIT_FOR_INPUT] = POLLIN,
		[ZC_WAIT_FOR_BOTH] = POLLERR | POLLIN,
	};
	short wanted = wanted_events[channel->config.wait_for];

	for (;;) {
		int events = zc_wait(channel, wanted, deadline_ns);

		record->wait_count++;
		if (events < 0)
			return events;
		if (events & wanted)
			return 0;
		/* poll reports POLLERR unasked: a caller that dispatches on what it asked for polls again at once */
		record->spurious_count++;
	}
}

static int read_until_done(struct zc_channel *channel, bool block, struct zc_flush_record *record)
{
	while (channel->completed < channel->queued) {
		int status = read_notification(channel);

		if (status < 0)
			return status;
		if (status > 0)
			continue;
		if (!block)
			return 0;
		status = wait_for_notification(channel, channel->deadline_ns, record);
		if (status < 0)
			return status;
	}
	return 0;
}

struct flush {	/* a reading of the queue under way */
	struct zc_flush_record record;
	uint64_t completions;
	uint64_t notifications;
};

static struct flush begin_flush(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger)
{
	return (struct flush){
		.record = { .start_ns = zc_now_ns(), .channel = channel->config.channel, .trigger = trigger, .blocking = block },
		.completions = channel->result->completion_count,
		.notifications = channel->result->notification_count,
	};
}

static void end_flush(struct zc_channel *channel, struct flush *flush, int status)
{
	const struct zc_result *result = channel->result;
	struct zc_flush_record *slot;

	flush->record.duration_ns = zc_now_ns() - flush->record.start_ns;
	flush->record.completion_count = result->completion_count - flush->completions;
	flush->record.notification_count = result->notification_count - flush->notifications;
	flush->record.result = status;
	slot = zc_record(channel->config.recorder, ZC_STREAM_FLUSH);
	if (slot)
		*slot = flush->record;
	channel->flush_index++;
	/* a policy that reads before each send, and does not wait, would have the level looked at as often */
	if (slot && (flush->record.trigger != ZC_TRIGGER_PERIODIC || flush->record.blocking))
		zc_meminfo(channel, ZC_MEMINFO_FLUSHED);
}

/* Reads notifications while sends are outstanding; without block, until there is none now. 0 or a negative errno. */
int zc_flush_internal(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger)
{
	struct flush flush = begin_flush(channel, block, trigger);
	int status = read_until_done(channel, block, &flush.record);

	end_flush(channel, &flush, status);
	return status;
}

int zc_flush_until_free(struct zc_channel *channel, uint32_t percent, int64_t deadline_ns, enum zc_flush_trigger trigger)
{
	struct flush flush = begin_flush(channel, true, trigger);
	int status, is_free;

	for (;;) {
		status = read_until_done(channel, false, &flush.record);
		is_free = zc_has_free(channel, percent);
		if (status < 0 || is_free || channel->completed == channel->queued)
			break;
		status = wait_for_notification(channel, deadline_ns, &flush.record);
		if (status < 0)
			break;
	}
	/* the policy's own deadline is an answer, the run's is the end of the run */
	if (status == -ETIMEDOUT && zc_now_ns() < channel->deadline_ns)
		status = 0;
	end_flush(channel, &flush, status);
	return status < 0 ? status : is_free;
}

static void count_missed(struct zc_channel *channel, const int by_variant[])
{
	struct zc_result *result = channel->result;

	result->flush_count++;
	result->missed_all_copied_count += by_variant[ZC_FLUSH_ALL_COPIED];
	result->missed_sticky_count += by_variant[ZC_FLUSH_STICKY];
	result->missed_any_copied_count += by_variant[ZC_FLUSH_ANY_COPIED];
	result->missed_zero_copy_count += by_variant[channel->config.flush_variant];
}

/* What 1 means has changed over QEMU's versions, see enum zc_flush_variant. */
int zc_channel_flush(struct zc_channel *channel)
{
	int by_variant[3], status;

	channel->copied_in_flush = false;
	channel->zerocopied_in_flush = false;
	status = zc_flush_internal(channel, true, ZC_TRIGGER_EXPLICIT);
	if (status < 0)
		return status;
	by_variant[ZC_FLUSH_ALL_COPIED] = channel->copied_in_flush && !channel->zerocopied_in_flush;
	by_variant[ZC_FLUSH_STICKY] = !channel->zerocopied_since_flush;
	by_variant[ZC_FLUSH_ANY_COPIED] = channel->copied_in_flush;
	channel->zerocopied_since_flush = false;
	count_missed(channel, by_variant);
	return by_variant[channel->config.flush_variant];
}

int zc_channel_drain(struct zc_channel *channel)
{
	return zc_flush_internal(channel, false, ZC_TRIGGER_EXPLICIT);
}
