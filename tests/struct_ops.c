// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "struct_ops.h"

int complain(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG && !getenv("VERBOSE") ? 0 : vfprintf(stderr, format, args);
}

struct bpf_map *struct_ops_map(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map,
				 obj) if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS) return map;
	return NULL;
}

static struct bpf_map *find_map(struct bpf_object *obj, const char *end)
{
	struct bpf_map *map;
	size_t len, want = strlen(end);

	bpf_object__for_each_map(map, obj)
	{
		len = strlen(bpf_map__name(map));
		if (len >= want && !strcmp(bpf_map__name(map) + len - want, end))
			return map;
	}
	return NULL;
}

static int set_variable(struct bpf_object *obj, const char *name, __u32 value)
{
	struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *map = find_map(obj, ".rodata");
	const struct btf_var_secinfo *info;
	const struct btf_type *section;
	int id, i;
	char *data;
	size_t size;

	id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	data = map ? bpf_map__initial_value(map, &size) : NULL;
	if (id < 0 || !data)
		return complain("the object has no constants");
	section = btf__type_by_id(btf, id);
	info = btf_var_secinfos(section);
	for (i = 0; i < btf_vlen(section); i++, info++) {
		const struct btf_type *var = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), name))
			continue;
		if (info->size != sizeof(value) || info->offset + info->size > size)
			return complain("%s is not a constant of 4 bytes", name);
		memcpy(data + info->offset, &value, sizeof(value));
		return 0;
	}
	return complain("the object has no constant %s", name);
}

int struct_ops_set(struct bpf_object *obj, const char *setting)
{
	struct bpf_map *map = struct_ops_map(obj);
	struct vfio_pci_dvsec_ops *ops;
	unsigned int a, b, c, d;
	const char *value;
	char name[64];
	size_t size;
	int fd, n = 0;

	ops = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!ops || size != sizeof(*ops))
		return complain("the object has no vfio_pci_dvsec_ops");

	value = strchr(setting, '@');
	if (value && value < setting + sizeof(name)) {
		snprintf(name, sizeof(name), "%.*s", (int)(value - setting), setting);
		map = find_map(obj, name);
		fd = bpf_obj_get(value + 1);
		if (!map || fd < 0 || bpf_map__reuse_fd(map, fd))
			return complain("cannot use %s: %s", setting, strerror(errno));
		return 0;
	}
	value = strchr(setting, '=');
	if (!value || value >= setting + sizeof(name))
		return complain("what is '%s'?", setting);
	snprintf(name, sizeof(name), "%.*s", (int)(value - setting), setting);
	value++;

	if (!strcmp(name, "name")) {
		/* All of it may be used, so that a name without an end can be tried */
		memset(ops->name, 0, sizeof(ops->name));
		memcpy(ops->name, value, strnlen(value, sizeof(ops->name)));
		return 0;
	}
	if (!strcmp(setting, "match=any")) {
		ops->match = VFIO_PCI_DVSEC_MATCH_ANY;
		return 0;
	}
	if (!strcmp(name, "match") && sscanf(value, "%x:%x:%x.%x%n", &a, &b, &c, &d, &n) == 4 &&
	    !value[n]) {
		ops->match = VFIO_PCI_DVSEC_MATCH_ADDRESS;
		ops->segment = a;
		ops->bus = b;
		ops->devfn = c << 3 | d;
		return 0;
	}
	if (!strcmp(name, "claim") && sscanf(value, "%x:%x%n", &a, &b, &n) == 2 && !value[n] &&
	    ops->nr_claims < VFIO_PCI_DVSEC_MAX_CLAIMS) {
		ops->claims[ops->nr_claims].vendor = a;
		ops->claims[ops->nr_claims++].id = b;
		return 0;
	}
	if (!strcmp(name, "raw-match")) {
		ops->match = strtoul(value, NULL, 0);
		return 0;
	}
	return set_variable(obj, name, strtol(value, NULL, 0));
}

struct bpf_object *struct_ops_open(const char *path)
{
	struct bpf_object *obj;

	libbpf_set_print(print);
	obj = bpf_object__open_file(path, NULL);
	if (!obj)
		complain("cannot open %s: %s", path, strerror(errno));
	return obj;
}

int struct_ops_load(struct bpf_object *obj)
{
	int err = bpf_object__load(obj);

	return err ? complain("cannot load: %s", strerror(-err)) : 0;
}

/*
 * A struct_ops map can be put in force by a link once libbpf has filled it in,
 * which it does when it registers, though that fails where another one is.
 */
int struct_ops_make_ready(struct bpf_object *obj)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(struct_ops_map(obj));

	if (!link && errno != EBUSY)
		return complain("cannot register: %s", strerror(errno));
	bpf_link__destroy(link);
	return 0;
}
