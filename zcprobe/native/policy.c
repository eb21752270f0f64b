/* The policies, each beside the sentence that describes it. */
#include "core.h"

/* qemu-pre: the send fails for good ("can't lock enough memory", whatever the cause). */
static int give_up(struct zc_channel *channel, uint32_t attempt)
{
	return ZC_DEAD;
}

/* qemu-merged, qemu-shipped: flush once, waiting only when the channel counts as blocking, then retry; a second
 * ENOBUFS of the same write is fatal. */
static int flush_once(struct zc_channel *channel, uint32_t attempt)
{
	int status;

	if (attempt > 1)
		return ZC_DEAD;
	status = zc_flush_internal(channel, channel->blocking, ZC_TRIGGER_ENOBUFS);
	return status < 0 ? status : ZC_RETRY;
}

static const struct zc_policy policies[] = {
	[ZC_POLICY_QEMU_PRE] = { "qemu-pre", false, give_up },
	[ZC_POLICY_QEMU_SHIPPED] = { "qemu-shipped", false, flush_once },
	[ZC_POLICY_QEMU_MERGED] = { "qemu-merged", true, flush_once },
};

const struct zc_policy *zc_policy_of(enum zc_policy_id id)
{
	return (size_t)id < sizeof(policies) / sizeof(*policies) ? &policies[id] : NULL;
}
