/* SPDX-License-Identifier: GPL-2.0-only */
/* Objects with a struct_ops of vfio-pci-core, for what tests do with them */
#ifndef TESTS_STRUCT_OPS_H
#define TESTS_STRUCT_OPS_H

#include <bpf/libbpf.h>

#include "vfio_pci_dvsec.h"

/* On standard error; all return 1 or NULL after that, and 0 in success */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct bpf_object *struct_ops_open(const char *path);

/* The map of the first struct_ops of the object, if there is one */
struct bpf_map *struct_ops_map(struct bpf_object *obj);

/* name=, match=, claim=..., as "struct_ops_load" tells in its usage */
int struct_ops_set(struct bpf_object *obj, const char *setting);

int struct_ops_load(struct bpf_object *obj);

/* After the load, so that the map can be put in force by a link */
int struct_ops_make_ready(struct bpf_object *obj);

#endif
