/* SPDX-License-Identifier: GPL-2.0-only */
/* Migration traffic. */
#pragma once

struct zc_writer;
struct zc_round_barrier;

/* To its end: 0 or a negative errno, -ECANCELED when another channel's migration ended. */
int zc_run_migration(struct zc_writer *writer, struct zc_round_barrier *barrier);
