// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"
#include "hash.h"
#include "output.h"

/* An ELF file has to start at an aligned address */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"bpf_object_start:\n"
	".incbin \"../bpf/cxl_policy.bpf.o\"\n"
	"bpf_object_end:\n"
	".popsection\n");
extern const char bpf_object_start[], bpf_object_end[];

struct bpf_policy {
	struct bpf_object *obj;
	struct bpf_map *maps[KERN_NR_MAPS];
	struct bpf_map *ops;
};

/* The first complaint of libbpf, which names the cause best */
static char complaint[256];

static int print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (output_options.debug)
		return vfprintf(stderr, fmt, args);
	if (level == LIBBPF_WARN && !complaint[0]) {
		vsnprintf(complaint, sizeof(complaint), fmt, args);
		complaint[strcspn(complaint, "\n")] = '\0';
	}
	return 0;
}

void bpf_init(void)
{
	libbpf_set_print(print);
}

static int refused(int err, const char *what)
{
	return error_set(EXIT_FAILED, err, "--debug shows libbpf's messages and the verifier's log",
			 "%s: %s%s%s%s", what, strerror(-err), complaint[0] ? " (" : "", complaint,
			 complaint[0] ? ")" : "");
}

uint64_t bpf_program(void)
{
	uint64_t hash = hash_add(HASH_INIT, bpf_object_start, bpf_object_end - bpf_object_start);

	return hash ? hash : 1;
}

/* A variable in the object's .rodata, before it is loaded */
static void *find_var(const struct bpf_object *obj, const char *name, size_t want)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *map;
	uint32_t offset, found;
	char *data;
	size_t size;
	int id;

	map = bpf_object__find_map_by_name(obj, ".rodata");
	data = map ? bpf_map__initial_value(map, &size) : NULL;
	id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	if (!data || id < 0 || kern_find_var(btf, id, size, name, &found, &offset) || found != want)
		return NULL;
	return data + offset;
}

int bpf_load(const struct policy_image *image, const struct kern_target *target,
	     const int map_fds[KERN_NR_MAPS], struct bpf_policy **policy)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "cxl_policy");
	struct vfio_pci_dvsec_ops *ops = NULL;
	struct bpf_policy *bpf;
	struct cxl_policy *table;
	uint64_t *program;
	bool whole = true;
	size_t size = 0;
	int err, i;

	complaint[0] = '\0';
	bpf = calloc(1, sizeof(*bpf));
	if (!bpf)
		return -ENOMEM;
	bpf->obj = bpf_object__open_mem(bpf_object_start, bpf_object_end - bpf_object_start, &opts);
	if (!bpf->obj) {
		err = refused(-errno, "can't open the BPF object");
		goto out;
	}
	for (i = 0; i < KERN_NR_MAPS; i++) {
		bpf->maps[i] = bpf_object__find_map_by_name(bpf->obj, kern_map_names[i]);
		whole &= !!bpf->maps[i];
	}
	bpf->ops = bpf_object__find_map_by_name(bpf->obj, "cxl_policy");
	table = find_var(bpf->obj, KERN_VAR_TABLE, sizeof(*table));
	program = find_var(bpf->obj, KERN_VAR_PROGRAM, sizeof(*program));
	if (bpf->ops)
		ops = bpf_map__initial_value(bpf->ops, &size);
	if (!whole || !table || !program || !ops || size < sizeof(*ops)) {
		err = refused(-EINVAL, "the BPF object isn't the one this program knows");
		goto out;
	}

	*table = image->table;
	*program = bpf_program();
	ops->match = target->match;
	ops->segment = target->address.segment;
	ops->bus = target->address.bus;
	ops->devfn = target->address.devfn;
	ops->nr_claims = image->nr_claims;
	memcpy(ops->claims, image->claims, sizeof(ops->claims));
	memcpy(ops->name, image->table.name, sizeof(ops->name));

	err = 0;
	for (i = 0; i < KERN_NR_MAPS && !err; i++)
		if (map_fds[i] >= 0)
			err = bpf_map__reuse_fd(bpf->maps[i], map_fds[i]);
	if (err) {
		err = refused(err, "can't share the maps of the policy in force");
		goto out;
	}
	err = bpf_object__load(bpf->obj);
	if (err)
		err = refused(err, "the kernel refused the BPF object");
out:
	if (err)
		bpf_unload(bpf);
	else
		*policy = bpf;
	return err;
}

int bpf_attach(struct bpf_policy *policy)
{
	struct bpf_link *link = bpf_map__attach_struct_ops(policy->ops);
	int fd;

	if (!link)
		return -errno;
	fd = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	/* Of a link, this closes the descriptor and no more */
	bpf_link__destroy(link);
	return fd;
}

int bpf_swap(struct bpf_policy *policy, int link_fd, int old_map_fd)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts, .flags = BPF_F_REPLACE, .old_map_fd = old_map_fd);

	return bpf_link_update(link_fd, bpf_map__fd(policy->ops), &opts);
}

int bpf_map_fd(const struct bpf_policy *policy, enum kern_map map)
{
	return bpf_map__fd(policy->maps[map]);
}

void bpf_unload(struct bpf_policy *policy)
{
	if (!policy)
		return;
	bpf_object__close(policy->obj);
	free(policy);
}
