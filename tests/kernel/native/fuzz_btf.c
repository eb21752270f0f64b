// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer's target: looks up in a kernel's type information, right or damaged, what the probes look up. */
#include "btf.c"

static uint64_t found[3]; /* refused by libbpf; accepted; accepted, and a member was found */

static void tell(void)
{
	for (int kind = 0; kind < 3; kind++)
		fprintf(stderr, "check %d: %llu\n", kind, (unsigned long long)found[kind]);
}

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
	libbpf_set_print(NULL);
	return atexit(tell);
}

static void demand(int is_so)
{
	if (!is_so)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "a", "a.b", "b", "a.b.a", "", ".", "a." };
	struct btf *btf = btf__new(data, size);
	struct zc_btf *handle;
	bool has_member = false;

	if (!btf || (intptr_t)btf < 0) {
		found[0]++;
		return 0;
	}
	handle = calloc(1, sizeof(*handle));
	handle->btf = btf;
	if (index_types(handle)) {
		found[0]++;
		zc_btf_close(handle);
		return 0;
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int64_t offset = zc_btf_offset(handle, "s", paths[i]);

		demand(offset >= -ENOENT);
		has_member |= i < 4 && offset >= 0;
	}
	demand(zc_btf_size(handle, "s") >= -ENOENT);
	demand(zc_btf_tracepoint_args(handle, "t") >= -ENOENT);
	demand(zc_btf_function_args(handle, "f") >= -ENOENT);
	zc_btf_enum_value(handle, "e", "a");
	demand(zc_btf_target_id(handle, ZC_ATTACH_TRACEPOINT, "t") >= -ENOENT);
	demand(zc_btf_target_id(handle, ZC_ATTACH_ENTRY, "f") >= -ENOENT);
	found[has_member ? 2 : 1]++;
	zc_btf_close(handle);
	return 0;
}
