// SPDX-License-Identifier: GPL-2.0-only
/* What TCP knows of the path of a connection, by TCP_INFO. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "channel.h"
#include "records.h"
#include "tcp_info.h"

enum { NS_PER_US = 1000, BITS_PER_BYTE = 8 };

/* tcp_min_rtt() is ~0 until there is a first measurement. */
static int64_t lowest_rtt_ns(const struct tcp_info *info)
{
	return info->tcpi_min_rtt == UINT32_MAX ? 0 : (int64_t)info->tcpi_min_rtt * NS_PER_US;
}

static struct zc_tcp_info_record describe(const struct zc_channel *channel, const struct tcp_info *info)
{
	return (struct zc_tcp_info_record){
		.time_ns = zc_now_ns(),
		.rtt_ns = (int64_t)info->tcpi_rtt * NS_PER_US,
		.rtt_var_ns = (int64_t)info->tcpi_rttvar * NS_PER_US,
		.rtt_min_ns = lowest_rtt_ns(info),
		.cwnd_bytes = (uint64_t)info->tcpi_snd_cwnd * info->tcpi_snd_mss,
		.delivery_rate_bps = info->tcpi_delivery_rate * BITS_PER_BYTE,
		.retransmit_count = info->tcpi_total_retrans,
		.channel = channel->config.channel,
		.app_limited = info->tcpi_delivery_rate_app_limited,
	};
}

static uint64_t higher(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

static void count_sample(struct zc_result *result, const struct zc_tcp_info_record *sample)
{
	result->cwnd_max_bytes = higher(result->cwnd_max_bytes, sample->cwnd_bytes);
	result->delivery_rate_max_bps = higher(result->delivery_rate_max_bps, sample->delivery_rate_bps);
	if (!sample->rtt_ns)
		return;
	result->rtt_sample_count++;
	result->rtt_sum_ns += sample->rtt_ns;
	result->rtt_max_ns = higher(result->rtt_max_ns, sample->rtt_ns);
	if (sample->rtt_min_ns && (!result->rtt_min_ns || sample->rtt_min_ns < (int64_t)result->rtt_min_ns))
		result->rtt_min_ns = sample->rtt_min_ns;
}

void zc_tcp_info(struct zc_channel *channel)
{
	struct tcp_info info = { 0 }; /* an older kernel fills less of it */
	socklen_t length = sizeof(info);
	struct zc_tcp_info_record sample, *record;

	if (!channel->config.recorder || channel->config.is_datagram ||
	    getsockopt(channel->config.fd, IPPROTO_TCP, TCP_INFO, &info, &length))
		return;
	sample = describe(channel, &info);
	count_sample(channel->result, &sample);
	record = zc_record(channel->config.recorder, ZC_STREAM_TCP_INFO);
	if (record)
		*record = sample;
}
