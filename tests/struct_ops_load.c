// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load a struct_ops object of vfio-pci-core, as the tests want it: bpftool sets
 * no members and no variables, updates nothing, and doesn't wait for links.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vfio_pci_dvsec.h"

static const char usage_text[] =
	"usage: struct_ops_load OBJ [SETTING]... load|pin=LINK|hold|cycle=N,MS|update=LINK\n"
	"       struct_ops_load OBJ [SETTING]... swap=LINK,N,MS OBJ2 [SETTING]...\n"
	"       struct_ops_load poll LINK SECONDS\n"
	"       struct_ops_load detach LINK\n"
	"\n"
	"  load            load the object, register nothing\n"
	"  pin=LINK        register it and pin the link\n"
	"  hold            register it, print \"held\", wait until the link is detached\n"
	"  cycle=N,MS      register and detach it N times, MS milliseconds between\n"
	"  update=LINK     put it in force by a pinned link\n"
	"  swap=LINK,N,MS  put OBJ, OBJ2, OBJ, ... in force by a pinned link, N times, with\n"
	"                  MS milliseconds between\n"
	"  poll            wait until the pinned link is detached\n"
	"\n"
	"  name=NAME       name of the policy\n"
	"  match=any|BDF   device that it is for\n"
	"  raw-match=N     match kind as a number\n"
	"  claim=VVVV:IIII DVSEC that it claims, in hex, may be repeated\n"
	"  VARIABLE=N      constant of the program\n"
	"  MAP@PIN         use the pinned map for MAP\n"
	"\n"
	"exit status: 0 done, 1 the kernel refused, 2 usage\n";

static bool verbose;

static int complain(const char *format, ...)
{
	va_list args;

	fputs("struct_ops_load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG && !verbose ? 0 : vfprintf(stderr, format, args);
}

static struct bpf_map *ops_map(struct bpf_object *obj)
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

static int set(struct bpf_object *obj, const char *setting)
{
	struct bpf_map *map = ops_map(obj);
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

static struct bpf_object *open_object(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);

	if (!obj)
		complain("cannot open %s: %s", path, strerror(errno));
	return obj;
}

static int load_object(struct bpf_object *obj)
{
	int err = bpf_object__load(obj);

	return err ? complain("cannot load: %s", strerror(-err)) : 0;
}

static int wait_for_detach(int fd, double seconds)
{
	struct pollfd pollfd = { .fd = fd };
	int n = poll(&pollfd, 1, seconds < 0 ? -1 : (int)(seconds * 1000));

	if (n < 0)
		return complain("poll: %s", strerror(errno));
	if (!n)
		return complain("the link was not detached in %g s", seconds);
	if (!(pollfd.revents & POLLHUP))
		return complain("poll gave events 0x%x", pollfd.revents);
	puts("detached");
	return 0;
}

/*
 * A struct_ops map can be put in force by a link once libbpf has filled it in,
 * which it does when it registers, though that fails where another one is.
 */
static int make_ready(struct bpf_object *obj)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(ops_map(obj));

	if (!link && errno != EBUSY)
		return complain("cannot register: %s", strerror(errno));
	bpf_link__destroy(link);
	return 0;
}

static int update(struct bpf_object *obj, int link)
{
	if (bpf_link_update(link, bpf_map__fd(ops_map(obj)), NULL))
		return complain("cannot update: %s", strerror(errno));
	return 0;
}

static int get_link(const char *pin)
{
	int fd = bpf_obj_get(pin);

	if (fd < 0)
		complain("no link at %s: %s", pin, strerror(errno));
	return fd;
}

static int attach(struct bpf_object *obj, const char *pin)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(ops_map(obj));

	if (!link)
		return complain("cannot register: %s", strerror(errno));
	if (pin)
		return bpf_link__pin(link, pin)
			       ? complain("cannot pin at %s: %s", pin, strerror(errno))
			       : 0;
	puts("held");
	return wait_for_detach(bpf_link__fd(link), -1);
}

static int cycle(struct bpf_object *obj, const char *arg)
{
	unsigned int count, pause, i;
	struct bpf_link *link;

	if (sscanf(arg, "%u,%u", &count, &pause) != 2)
		return complain("what is 'cycle=%s'?", arg);
	for (i = 0; i < count; i++) {
		link = bpf_map__attach_struct_ops(ops_map(obj));
		if (!link)
			return complain("cannot register: %s", strerror(errno));
		usleep(pause * 1000);
		bpf_link__destroy(link);
		usleep(pause * 1000);
	}
	return 0;
}

static int swap(struct bpf_object *first, const char *arg, int argc, char **argv)
{
	struct bpf_object *objs[2] = { first };
	unsigned int count, pause, i;
	struct timespec a, b;
	char pin[256];
	int link, j;

	if (sscanf(arg, "%255[^,],%u,%u", pin, &count, &pause) != 3 || argc < 1)
		return complain("what is 'swap=%s'?", arg);
	objs[1] = open_object(argv[0]);
	for (j = 1; objs[1] && j < argc; j++)
		if (set(objs[1], argv[j]))
			return 2;
	link = get_link(pin);
	if (!objs[1] || link < 0)
		return 1;
	for (j = 0; j < 2; j++)
		if (load_object(objs[j]) || make_ready(objs[j]))
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < count; i++) {
		if (update(objs[i % 2], link))
			return 1;
		usleep(pause * 1000);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%u updates in %.2f s\n", count,
	       (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return 0;
}

static int act(struct bpf_object *obj, const char *action, int argc, char **argv)
{
	int link;

	if (!strncmp(action, "swap=", 5))
		return swap(obj, action + 5, argc, argv);
	if (load_object(obj))
		return 1;
	if (!strcmp(action, "load"))
		return 0;
	if (!strcmp(action, "hold"))
		return attach(obj, NULL);
	if (!strncmp(action, "pin=", 4))
		return attach(obj, action + 4);
	if (!strncmp(action, "cycle=", 6))
		return cycle(obj, action + 6);
	link = get_link(action + strlen("update="));
	return link < 0 || make_ready(obj) || update(obj, link);
}

static bool is_action(const char *arg)
{
	return !strcmp(arg, "load") || !strcmp(arg, "hold") || !strncmp(arg, "pin=", 4) ||
	       !strncmp(arg, "cycle=", 6) || !strncmp(arg, "update=", 7) ||
	       !strncmp(arg, "swap=", 5);
}

int main(int argc, char **argv)
{
	struct bpf_object *obj;
	int i, fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	verbose = getenv("VERBOSE") != NULL;
	libbpf_set_print(print);

	if (argc == 4 && !strcmp(argv[1], "poll")) {
		fd = get_link(argv[2]);
		return fd < 0 ? 1 : wait_for_detach(fd, strtod(argv[3], NULL));
	}
	if (argc == 3 && !strcmp(argv[1], "detach")) {
		fd = get_link(argv[2]);
		if (fd >= 0 && bpf_link_detach(fd))
			return complain("cannot detach: %s", strerror(errno));
		return fd < 0;
	}
	if (argc < 3) {
		fputs(usage_text, stderr);
		return 2;
	}
	obj = open_object(argv[1]);
	if (!obj)
		return 1;
	for (i = 2; i < argc && !is_action(argv[i]); i++)
		if (set(obj, argv[i]))
			return 2;
	if (i == argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	return act(obj, argv[i], argc - i - 1, argv + i + 1);
}
