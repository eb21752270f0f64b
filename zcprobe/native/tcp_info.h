/* SPDX-License-Identifier: GPL-2.0-only */
/* What TCP knows of the path of a connection. */
#pragma once

struct zc_channel;

/* Records a sample and counts it in the channel's result. Nothing happens without a recorder, or where the socket is not TCP. */
void zc_tcp_info(struct zc_channel *channel);
