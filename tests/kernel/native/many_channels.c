// SPDX-License-Identifier: GPL-2.0-only
/* Senders of many channels and their sinks in one process, for ThreadSanitizer: exits with 1 when a count is wrong. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core.h"
#include "decl/engines.h"
#include "decl/sink.h"
#include "decl/traffic.h"

enum { CHANNELS = 8, SNDBUF_BYTES = 64 << 20 };

struct part { /* one channel, its recorder and its sink */
	int sender_fd;
	int sink_fd;
	int null_fds[ZC_STREAM_COUNT];
	pthread_t sink_thread;
	struct zc_sink_config sink;
	struct zc_sink_result received;
	int sink_status;
};

struct scene {
	const char *name;
	const char *policy;
	struct zc_traffic traffic;
	int64_t stall_ns; /* of the sinks */
	int64_t deadline_ns;
	bool is_cut; /* the deadline cuts it off, and it must still end */
	bool expects_enobufs;
};

static void demand(int is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "many_channels: %s\n", what);
	exit(1);
}

static void connect_pair(struct part *part)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1, size = SNDBUF_BYTES;
	socklen_t length = sizeof(address);

	demand(!bind(listener, (struct sockaddr *)&address, length) && !listen(listener, 1), "no listener");
	getsockname(listener, (struct sockaddr *)&address, &length);
	part->sender_fd = socket(AF_INET, SOCK_STREAM, 0);
	demand(!connect(part->sender_fd, (struct sockaddr *)&address, length), "no connection");
	part->sink_fd = accept(listener, NULL, NULL);
	close(listener);
	demand(!setsockopt(part->sender_fd, SOL_SOCKET, SO_ZEROCOPY, &yes, sizeof(yes)), "no SO_ZEROCOPY");
	demand(!setsockopt(part->sender_fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)), "no SO_SNDBUFFORCE");
}

static void *run_sink(void *argument)
{
	struct part *part = argument;

	part->sink_status = zc_sink_run(&part->sink, &part->received);
	return NULL;
}

static void begin(struct part *part, const struct scene *scene, struct zc_channel_config *config, int number)
{
	connect_pair(part);
	part->sink = (struct zc_sink_config){
		.fd = part->sink_fd,
		.control_fd = -1,
		.is_framed = scene->traffic.header_bytes > 0,
		.respond = scene->traffic.model == ZC_MODEL_RPC,
		.stall_after_bytes = scene->stall_ns ? 1 << 20 : 0,
		.stall_ns = scene->stall_ns,
	};
	demand(!zc_start_thread(&part->sink_thread, run_sink, part), "no sink");
	for (int i = 0; i < ZC_STREAM_COUNT; i++)
		part->null_fds[i] = open("/dev/null", O_WRONLY);
	*config = (struct zc_channel_config){
		.fd = part->sender_fd,
		.channel = number,
		.zerocopy = 1,
		.recorder = zc_recorder_open(part->null_fds, 64, 64, UINT64_MAX),
		.policy = zc_find_policy(scene->policy),
		.engine = zc_find_engine("errqueue"),
		.optmem_max_bytes = 20480,
		.charge_bytes = 832,
		.deadline_ns = scene->deadline_ns,
		.settle_ns = 10000000000,
		.meminfo_interval_ns = 1000000,
		.buffer_fd = -1,
		.cpu = -1,
	};
	demand(config->recorder != NULL, "no recorder");
}

static void end(struct part *part, const struct scene *scene, struct zc_channel_config *config,
		const struct zc_result *result)
{
	uint64_t lost[ZC_STREAM_COUNT], records[ZC_STREAM_COUNT], kept[ZC_STREAM_COUNT];

	shutdown(part->sender_fd, SHUT_WR);
	pthread_join(part->sink_thread, NULL);
	demand(!zc_recorder_close(config->recorder, lost, records, kept), "records are not written");
	for (int i = 0; i < ZC_STREAM_COUNT; i++) {
		demand(!lost[i], "records are lost");
		close(part->null_fds[i]);
	}
	close(part->sender_fd);
	close(part->sink_fd);
	demand(!part->sink_status && part->received.first_mismatch == UINT64_MAX, "the content is damaged");
	demand(part->received.bytes == result->bytes_sent, "bytes are missing");
	demand(result->completion_count == result->send_count, "completions are missing");
	demand(records[ZC_STREAM_NOTIFICATION] == result->notification_count, "notifications are not recorded");
	demand(records[ZC_STREAM_SEND] > 0, "nothing was sent");
	if (scene->is_cut)
		demand(result->outcome == ZC_OUTCOME_DEAD_TIMEOUT, "the deadline did not cut it");
	else
		demand(result->outcome == ZC_OUTCOME_COMPLETED, "a channel did not complete");
}

static void play(const struct scene *scene)
{
	struct zc_channel_config configs[CHANNELS];
	struct zc_result results[CHANNELS];
	struct part parts[CHANNELS] = { 0 };
	uint64_t enobufs = 0;

	for (int i = 0; i < CHANNELS; i++)
		begin(&parts[i], scene, &configs[i], i);
	demand(!zc_sender_run(configs, results, CHANNELS, &scene->traffic), "the sender does not start");
	for (int i = 0; i < CHANNELS; i++) {
		end(&parts[i], scene, &configs[i], &results[i]);
		enobufs += results[i].enobufs_count;
	}
	demand(!scene->expects_enobufs || enobufs, "no send was refused");
	printf("%s: %llu ENOBUFS\n", scene->name, (unsigned long long)enobufs);
}

#define SECOND 1000000000LL
#define SIZE(bytes) .size_count = 1, .sizes = { bytes }, .weights = { 1 }

static const struct scene scenes[] = {
	{
		.name = "stream",
		.policy = "qemu-merged",
		.traffic = { ZC_MODEL_STREAM, .write_count = 1009, SIZE(4096) },
		.deadline_ns = 60 * SECOND,
	},
	{
		.name = "late sinks",
		.policy = "qemu-merged",
		.traffic = { ZC_MODEL_STREAM, .write_count = 101, SIZE(524288) },
		.stall_ns = SECOND / 2,
		.deadline_ns = 60 * SECOND,
		.expects_enobufs = true,
	},
	{
		.name = "buffers in use again",
		.policy = "folly",
		.traffic = { ZC_MODEL_STREAM, ZC_REUSE_AFTER_COMPLETION, .write_count = 211, SIZE(65536) },
		.deadline_ns = 60 * SECOND,
	},
	{
		.name = "migration",
		.policy = "qemu-merged",
		.traffic = { ZC_MODEL_MIGRATION, .header_bytes = 1288, .page_bytes = 4096, .pages_per_packet = 128,
			     .max_rounds = 4, .guest_bytes = 64 << 20, .dirty_bytes_per_s = 1 << 26,
			     .downtime_ns = SECOND / 1000 },
		.deadline_ns = 60 * SECOND,
	},
	{
		.name = "rpc",
		.policy = "watermark",
		.traffic = { ZC_MODEL_RPC, .write_count = 101, .header_bytes = 256, SIZE(32768) },
		.deadline_ns = 60 * SECOND,
	},
	{
		.name = "deadline",
		.policy = "qemu-merged",
		.traffic = { ZC_MODEL_STREAM, .duration_ns = 60 * SECOND, SIZE(524288) },
		.stall_ns = SECOND,
		.deadline_ns = SECOND / 4,
		.is_cut = true,
	},
};

int main(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++)
		play(&scenes[i]);
	return 0;
}
