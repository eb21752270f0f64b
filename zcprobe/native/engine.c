// SPDX-License-Identifier: GPL-2.0-only
/* The engines by name. */
#include <string.h>

#include "engine.h"

#define ROW(engine) { #engine, &zc_engine_##engine },

static const struct {
	const char *name;
	const struct zc_engine *engine;
} engines[] = { ZC_ENGINES(ROW) };

const struct zc_engine *zc_find_engine(const char *name)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (!strcmp(engines[i].name, name))
			return engines[i].engine;
	return NULL;
}
