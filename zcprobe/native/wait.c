// SPDX-License-Identifier: GPL-2.0-only
/* Waiting, and what ends a wait: a request to stop, or the deadline. */
#include "channel.h"
#include "engine.h"

int zc_look_at_signals(const struct zc_channel *channel)
{
	if (zc_stop_requested > channel->stops_ignored)
		return -EINTR;
	return zc_kicked && zc_now_ns() >= channel->deadline_ns ? -ETIMEDOUT : 0;
}

int zc_wait(struct zc_channel *channel, int wanted, int64_t deadline_ns)
{
	int64_t left_ns = deadline_ns - zc_now_ns();
	int status = zc_uncork(channel);

	if (status < 0)
		return status;
	if (zc_stop_requested > channel->stops_ignored)
		return -EINTR;
	if (left_ns <= 0)
		return -ETIMEDOUT;
	status = channel->config.engine->wait(channel, wanted, left_ns);
	return status == -EINTR && zc_run_is_active ? 0 : status;
}
