// SPDX-License-Identifier: GPL-2.0-only
/* TCP_CORK: whole segments while there is more to write. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "channel.h"

static int set_cork(struct zc_channel *channel, int enabled)
{
	return setsockopt(channel->config.fd, IPPROTO_TCP, TCP_CORK, &enabled, sizeof(enabled)) ? -errno : 0;
}

int zc_uncork(struct zc_channel *channel)
{
	if (!channel->config.is_corked || channel->is_uncorked)
		return 0;
	channel->is_uncorked = true;
	return set_cork(channel, false);
}

int zc_cork_again(struct zc_channel *channel)
{
	channel->is_uncorked = false;
	return set_cork(channel, true);
}
