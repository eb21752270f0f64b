// SPDX-License-Identifier: GPL-2.0-only
/* The policies: what a sender does before a send, and when there was no room for one more notification (ENOBUFS), each
 * beside the sentence that describes it.
 *
 * DRAIN reads notifications until there is none now; WAIT waits for completions. A policy never loses a byte: it sends the
 * write again, sends it as a copy, or lets the run end. It names nothing that belongs to one way of sending: that is the
 * engine's (engine.h).
 */
#include <string.h>

#include "channel.h"
#include "engine.h"
#include "flush.h"
#include "meminfo.h"
#include "policy.h"

static int drain(struct zc_channel *channel)
{
	return zc_flush_internal(channel, false, ZC_TRIGGER_ENOBUFS);
}

/* An event loop reads notifications between two writes. */
static int drain_if_outstanding(struct zc_channel *channel)
{
	return channel->queued > channel->completed ? zc_flush_internal(channel, false, ZC_TRIGGER_PERIODIC) : 0;
}

static bool saw_hidden_copy(const struct zc_channel *channel)
{
	return channel->config.parameters.off_on_copied && channel->result->copied_completion_count;
}

/* ---- QEMU ---- */

/* qemu-pre: the send fails for good ("can't lock enough memory", whatever the cause was). */
static int give_up(struct zc_channel *channel, struct zc_attempt *attempt)
{
	return ZC_DEAD;
}

/* qemu-v1: flush completely, waiting whatever the socket's mode is, then retry once. */
static int flush_waiting_once(struct zc_channel *channel, struct zc_attempt *attempt)
{
	int status;

	if (attempt->enobufs_count > 1)
		return ZC_DEAD;
	status = zc_flush_internal(channel, true, ZC_TRIGGER_ENOBUFS);
	return status < 0 ? status : ZC_RETRY;
}

/* qemu-v2: DRAIN, then retry once. */
static int drain_once(struct zc_channel *channel, struct zc_attempt *attempt)
{
	int status;

	if (attempt->enobufs_count > 1)
		return ZC_DEAD;
	status = drain(channel);
	return status < 0 ? status : ZC_RETRY;
}

/* qemu-merged and qemu-shipped: flush, waiting when the channel counts as blocking, then retry once. In shipped QEMU the
 * field `blocking` is false although the descriptor blocks. */
static int flush_once(struct zc_channel *channel, struct zc_attempt *attempt)
{
	return channel->blocking ? flush_waiting_once(channel, attempt) : drain_once(channel, attempt);
}

/* qemu-v5: as merged, but only for a write that carries the FLUSH_ONCE flag. */
static int flush_once_if_flagged(struct zc_channel *channel, struct zc_attempt *attempt)
{
	return channel->config.parameters.flush_once ? flush_once(channel, attempt) : ZC_DEAD;
}

/* qemu-lru-half: flush, waiting until at most half of the outstanding sends are left, then retry. With none outstanding no
 * wait can help, and the send fails for good. */
static int flush_half(struct zc_channel *channel, struct zc_attempt *attempt)
{
	int status;

	if (channel->queued == channel->completed)
		return ZC_DEAD;
	status = zc_flush_half(channel, ZC_TRIGGER_ENOBUFS);
	return status < 0 ? status : ZC_RETRY;
}

/* ---- the kernel's documentation ---- */

/* wait-each: before each send, WAIT for the notification of the one before. At most one notification is charged then, so an
 * ENOBUFS has another cause, and the send fails for good. */
static int wait_for_the_last(struct zc_channel *channel, struct zc_attempt *attempt)
{
	int status;

	if (channel->queued == channel->completed)
		return 0;
	zc_stall_begin(channel, attempt);
	status = zc_flush_internal(channel, true, ZC_TRIGGER_PERIODIC);
	zc_stall_end(channel, attempt, status);
	return status;
}

/* drain-every: DRAIN every N sends, so that the queue never grows long; answers ENOBUFS as qemu-merged does. */
static int drain_now_and_then(struct zc_channel *channel, struct zc_attempt *attempt)
{
	uint32_t every = channel->config.parameters.drain_every;

	if (!every || channel->queued - channel->state.last_drain < every)
		return 0;
	channel->state.last_drain = channel->queued;
	return zc_flush_internal(channel, false, ZC_TRIGGER_PERIODIC);
}

/* ---- others in the field ---- */

/* grpc: small writes are copied, and so are those that find as many zerocopy sends in flight as it allows. */
static int copy_small_or_crowded(struct zc_channel *channel, struct zc_attempt *attempt)
{
	const struct zc_policy_parameters *parameters = &channel->config.parameters;
	int status = drain_if_outstanding(channel);

	if (attempt->bytes < parameters->threshold_bytes ||
	    channel->queued - channel->completed >= parameters->max_in_flight)
		attempt->zerocopy = false;
	return status;
}

/* grpc on ENOBUFS: FULL, wait for a completion and try again. After a completion that came during the write (CHECK) it tries
 * again at once. With nothing outstanding but this send it blames memlock, and waits for an event that may never come. */
static int wait_for_any(struct zc_channel *channel, struct zc_attempt *attempt)
{
	uint64_t completed = channel->completed;
	int status;

	if (channel->queued == channel->completed)
		channel->result->constrained_count++;
	do {
		status = drain(channel);
		if (status < 0 || channel->completed > completed)
			break;
		status = zc_wait(channel, ZC_COMPLETION, channel->deadline_ns);
	} while (status >= 0);
	return status < 0 ? status : ZC_RETRY;
}

/* folly: send this write again as a copy and turn zerocopy off. Turn it on again after N further writes; N = 0 means never. */
static int copy_and_turn_off(struct zc_channel *channel, struct zc_attempt *attempt)
{
	channel->state.zerocopy_off = true;
	channel->state.copies_since_off = 0;
	return ZC_COPY;
}

static int turn_on_again(struct zc_channel *channel, struct zc_attempt *attempt)
{
	uint32_t after = channel->config.parameters.reenable_after;

	if (channel->state.zerocopy_off && after && channel->state.copies_since_off++ >= after)
		channel->state.zerocopy_off = false;
	if (channel->state.zerocopy_off)
		attempt->zerocopy = false;
	return drain_if_outstanding(channel);
}

/* ydb: small writes are copied. While CONGESTED, every write is copied, until everything outstanding is completed. A COPIED
 * completion says that zerocopy does not pay here (hidden copy): DISABLED for good. */
static int copy_while_congested(struct zc_channel *channel, struct zc_attempt *attempt)
{
	const struct zc_policy_parameters *parameters = &channel->config.parameters;
	struct zc_policy_state *state = &channel->state;
	int status = drain_if_outstanding(channel);

	if (saw_hidden_copy(channel))
		state->zerocopy_off = true;
	if (channel->queued == channel->completed)
		state->congested = false;
	if (state->zerocopy_off || state->congested || attempt->bytes < parameters->threshold_bytes)
		attempt->zerocopy = false;
	return status;
}

/* ydb on ENOBUFS: CONGESTED when something is outstanding, else DISABLED; this write is sent as a copy. */
static int copy_and_congest(struct zc_channel *channel, struct zc_attempt *attempt)
{
	if (channel->queued > channel->completed)
		channel->state.congested = true;
	else
		channel->state.zerocopy_off = true;
	return ZC_COPY;
}

/* eagain: act as if the socket were full: wait for the next round of the event loop, DRAIN when there may be completions,
 * retry. A writable socket makes it spin. */
static int next_event_round(struct zc_channel *channel, struct zc_attempt *attempt)
{
	int status = zc_wait(channel, ZC_WRITABLE, channel->deadline_ns);

	if (status > 0 && status & ZC_COMPLETION)
		status = drain(channel);
	return status < 0 ? status : ZC_RETRY;
}

/* copy-off: turn zerocopy off for the socket and send this write as a copy. Some turn it off at the first COPIED completion
 * too. */
static int copy_when_off(struct zc_channel *channel, struct zc_attempt *attempt)
{
	int status = drain_if_outstanding(channel);

	if (saw_hidden_copy(channel))
		channel->state.zerocopy_off = true;
	if (channel->state.zerocopy_off)
		attempt->zerocopy = false;
	return status;
}

/* log-retry: log and try again, reading nothing. Unread notifications stay charged, so it may never end. */
static int retry_only(struct zc_channel *channel, struct zc_attempt *attempt)
{
	int status = zc_must_end(channel);

	return status < 0 ? status : ZC_RETRY;
}

/* kill: close the connection, and never read what was outstanding. */
static int hang_up(struct zc_channel *channel, struct zc_attempt *attempt)
{
	channel->state.hung_up = true;
	return ZC_DEAD;
}

/* ---- ours ---- */

/* wait-progress: DRAIN; while less than `resume` of the limit is free, WAIT, up to a deadline of its own. That much, because
 * a sender that waits for a single completion sends a single message and waits again. The write is sent as a copy when waiting
 * took too long or cannot help (nothing is outstanding, or optmem has room, so the cause was memlock). */
static int wait_for_room(struct zc_channel *channel, struct zc_attempt *attempt)
{
	const struct zc_policy_parameters *parameters = &channel->config.parameters;
	int is_free;

	if (channel->queued == channel->completed || zc_has_free(channel, parameters->resume_percent))
		return ZC_COPY;
	is_free = zc_flush_until_free(channel, parameters->resume_percent, zc_now_ns() + parameters->wait_ns,
				      ZC_TRIGGER_ENOBUFS);
	if (is_free < 0)
		return is_free;
	return is_free ? ZC_RETRY : ZC_COPY;
}

/* watermark: above a share of the limit, DRAIN; if that does not help, copy or WAIT before ENOBUFS ever happens. It asks
 * SO_MEMINFO only when the sender's own upper bound (every outstanding send charged on its own) is above the mark. */
static int keep_below_mark(struct zc_channel *channel, struct zc_attempt *attempt)
{
	const struct zc_policy_parameters *parameters = &channel->config.parameters;
	uint32_t wanted_free = 100 - parameters->watermark_percent;
	int is_free;

	if (!zc_may_exceed(channel, parameters->watermark_percent) || zc_has_free(channel, wanted_free))
		return 0;
	if (parameters->copy_above) {
		int status = drain_if_outstanding(channel);

		if (status >= 0 && !zc_has_free(channel, wanted_free))
			attempt->zerocopy = false;
		return status;
	}
	zc_stall_begin(channel, attempt);
	is_free = zc_flush_until_free(channel, parameters->resume_percent, zc_now_ns() + parameters->wait_ns,
				      ZC_TRIGGER_PERIODIC);
	zc_stall_end(channel, attempt, is_free < 0 ? is_free : 0);
	if (!is_free)
		attempt->zerocopy = false;
	return is_free < 0 ? is_free : 0;
}

static const struct zc_policy policies[] = {
	{ "qemu-pre", false, NULL, give_up },
	{ "qemu-v1", false, NULL, flush_waiting_once },
	{ "qemu-v2", false, NULL, drain_once },
	{ "qemu-v5", true, NULL, flush_once_if_flagged },
	{ "qemu-merged", true, NULL, flush_once },
	{ "qemu-shipped", false, NULL, flush_once },
	{ "qemu-lru-half", false, NULL, flush_half },
	{ "grpc", false, copy_small_or_crowded, wait_for_any },
	{ "folly", false, turn_on_again, copy_and_turn_off },
	{ "ydb", false, copy_while_congested, copy_and_congest },
	{ "eagain", false, NULL, next_event_round },
	{ "copy-off", false, copy_when_off, copy_and_turn_off },
	{ "log-retry", false, NULL, retry_only },
	{ "kill", false, NULL, hang_up },
	{ "wait-each", false, wait_for_the_last, give_up },
	{ "drain-every", true, drain_now_and_then, flush_once },
	{ "wait-progress", false, NULL, wait_for_room },
	{ "watermark", false, keep_below_mark, wait_for_room },
};

enum { POLICY_COUNT = sizeof(policies) / sizeof(*policies) };

const struct zc_policy *zc_find_policy(const char *name)
{
	for (int i = 0; i < POLICY_COUNT; i++)
		if (!strcmp(policies[i].name, name))
			return &policies[i];
	return NULL;
}

const char *zc_policy_name(uint32_t number)
{
	return number < POLICY_COUNT ? policies[number].name : NULL;
}
