// SPDX-License-Identifier: GPL-2.0-only
/* Structure layouts of the running kernel, read from its BTF by libbpf. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decl/attach.h"
#include "decl/btf.h"

/* The ids of the named types, by name and kind. libbpf goes through all types for each name; a kernel has some 150,000, and
 * the probes ask for a hundred names. */
struct zc_btf {
	struct btf *btf;
	uint32_t *ids; /* open addressing; 0: free */
	uint32_t mask; /* number of places, a power of two, minus 1 */
};

/* FNV-1a */
static uint32_t hash_name(const char *name, uint32_t kind)
{
	uint32_t hash = 2166136261u ^ kind;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash;
}

static int is_asked_for(uint32_t kind)
{
	return kind == BTF_KIND_STRUCT || kind == BTF_KIND_TYPEDEF || kind == BTF_KIND_FUNC || kind == BTF_KIND_ENUM;
}

/* The place of the type of that name and kind, or the free place where it would stand. */
static uint32_t *place_of(const struct zc_btf *handle, const char *name, uint32_t kind)
{
	uint32_t place = hash_name(name, kind) & handle->mask;

	for (; handle->ids[place]; place = (place + 1) & handle->mask) {
		const struct btf_type *type = btf__type_by_id(handle->btf, handle->ids[place]);

		if (btf_kind(type) == kind && !strcmp(btf__name_by_offset(handle->btf, type->name_off), name))
			break;
	}
	return &handle->ids[place];
}

/* Of types that share name and kind the first counts, as in libbpf, which also accepts types at odd addresses. */
static int index_types(struct zc_btf *handle)
{
	uint32_t count = 1, places = 1024;

	if ((uintptr_t)btf__type_by_id(handle->btf, 1) % _Alignof(struct btf_type))
		return -EPROTO;
	while (btf__type_by_id(handle->btf, count)) /* btf__type_cnt() came with libbpf 0.6 */
		count++;
	while (places < 2 * count)
		places *= 2;
	handle->ids = calloc(places, sizeof(*handle->ids));
	if (!handle->ids)
		return -ENOMEM;
	handle->mask = places - 1;
	for (uint32_t id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(handle->btf, id);
		const char *name = btf__name_by_offset(handle->btf, type->name_off);
		uint32_t *place;

		if (!name || !*name || !is_asked_for(btf_kind(type)))
			continue;
		place = place_of(handle, name, btf_kind(type));
		if (!*place)
			*place = id;
	}
	return 0;
}

static int find_type(const struct zc_btf *handle, const char *name, uint32_t kind)
{
	uint32_t id = *place_of(handle, name, kind);

	return id ? (int)id : -ENOENT;
}

struct zc_btf *zc_btf_open(void)
{
	struct zc_btf *handle = calloc(1, sizeof(*handle));
	libbpf_print_fn_t print;
	struct btf *btf;
	int status;

	if (!handle)
		return NULL;
	print = libbpf_set_print(NULL); /* the caller reports what is wrong; bcc, which may share libbpf, still prints */
	btf = btf__load_vmlinux_btf();
	libbpf_set_print(print);
	if (!btf || (intptr_t)btf < 0) { /* libbpf before 1.0 returns an error pointer */
		free(handle);
		errno = errno ? errno : ENOENT;
		return NULL;
	}
	handle->btf = btf;
	status = index_types(handle);
	if (status) {
		zc_btf_close(handle);
		errno = -status;
		return NULL;
	}
	return handle;
}

void zc_btf_close(struct zc_btf *handle)
{
	btf__free(handle->btf);
	free(handle->ids);
	free(handle);
}

/* Type information that libbpf accepts may still refer to itself in a circle, or to names that do not exist. The kernel's own
 * types nest a few levels deep, and its largest structure has some hundred members. */
enum { MOST_STEPS = 32, MOST_MEMBERS = 4096 };

static const struct btf_type *skip_modifiers(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	for (int step = 0; type && (btf_is_mod(type) || btf_is_typedef(type)); step++) {
		if (step == MOST_STEPS)
			return NULL;
		type = btf__type_by_id(btf, type->type);
	}
	return type;
}

struct search {
	const struct btf *btf;
	const char *name;
	size_t length;
	const struct btf_type *found;
	int members_left;
};

/* The bit offset of one member, also inside anonymous members; search->found becomes its type. */
static int64_t member_bits(struct search *search, const struct btf_type *type, int depth)
{
	const struct btf_member *member = btf_members(type);

	for (uint16_t i = 0; i < btf_vlen(type) && search->members_left-- > 0; i++, member++) {
		const char *member_name = btf__name_by_offset(search->btf, member->name_off);
		const struct btf_type *member_type = skip_modifiers(search->btf, member->type);
		int64_t inner;

		if (!member_type || !member_name)
			continue;
		if (strlen(member_name) == search->length && !memcmp(member_name, search->name, search->length)) {
			search->found = member_type;
			return btf_member_bit_offset(type, i);
		}
		if (*member_name || !btf_is_composite(member_type) || depth == MOST_STEPS)
			continue;
		inner = member_bits(search, member_type, depth + 1);
		if (inner >= 0)
			return btf_member_bit_offset(type, i) + inner;
	}
	return -ENOENT;
}

static const struct btf_type *find_struct(const struct zc_btf *handle, const char *name)
{
	int id = find_type(handle, name, BTF_KIND_STRUCT);

	return id < 0 ? NULL : btf__type_by_id(handle->btf, id);
}

int64_t zc_btf_offset(const struct zc_btf *handle, const char *structure, const char *path)
{
	const struct btf_type *type = find_struct(handle, structure);
	int64_t bits = 0;

	while (*path) {
		struct search search = { handle->btf, path, strcspn(path, "."), NULL, MOST_MEMBERS };
		int64_t step;

		if (!type || !btf_is_composite(type))
			return -ENOENT;
		step = member_bits(&search, type, 0);
		if (step < 0)
			return step;
		bits += step;
		type = search.found;
		path += search.length + (path[search.length] == '.');
	}
	return bits / 8;
}

int64_t zc_btf_size(const struct zc_btf *handle, const char *structure)
{
	const struct btf_type *type = find_struct(handle, structure);

	return type ? (int64_t)type->size : -ENOENT;
}

int zc_btf_tracepoint_args(const struct zc_btf *handle, const char *name)
{
	char typedef_name[128];
	const struct btf_type *type;
	int id;

	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	id = find_type(handle, typedef_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	type = skip_modifiers(handle->btf, id);
	if (type && btf_is_ptr(type))
		type = skip_modifiers(handle->btf, type->type);
	if (!type || !btf_is_func_proto(type))
		return -ENOENT;
	return btf_vlen(type) - 1; /* the first argument is the tracepoint's own data pointer */
}

int zc_btf_function_args(const struct zc_btf *handle, const char *name)
{
	int id = find_type(handle, name, BTF_KIND_FUNC);
	const struct btf_type *function = id < 0 ? NULL : btf__type_by_id(handle->btf, id);
	const struct btf_type *prototype = function ? btf__type_by_id(handle->btf, function->type) : NULL;

	return prototype ? btf_vlen(prototype) : -ENOENT;
}

int64_t zc_btf_enum_value(const struct zc_btf *handle, const char *enumeration, const char *name)
{
	int id = find_type(handle, enumeration, BTF_KIND_ENUM);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(handle->btf, id);
	const struct btf_enum *constant = type ? btf_enum(type) : NULL;

	for (uint16_t i = 0; type && i < btf_vlen(type); i++, constant++) {
		const char *constant_name = btf__name_by_offset(handle->btf, constant->name_off);

		if (constant_name && !strcmp(constant_name, name))
			return constant->val;
	}
	return -ENOENT;
}

int zc_btf_target_id(const struct zc_btf *handle, enum zc_attach_point point, const char *target)
{
	char name[128];
	int id;

	if (point != ZC_ATTACH_TRACEPOINT) {
		id = find_type(handle, target, BTF_KIND_FUNC);
	} else {
		snprintf(name, sizeof(name), "btf_trace_%s", target);
		id = find_type(handle, name, BTF_KIND_TYPEDEF);
	}
	return id > 0 ? id : -ENOENT;
}
