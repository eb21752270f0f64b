/* SPDX-License-Identifier: GPL-2.0-only */
/* The engines: ways of sending. */
#pragma once

struct zc_engine;

const struct zc_engine *zc_find_engine(const char *name); /* NULL when there is none of that name */
